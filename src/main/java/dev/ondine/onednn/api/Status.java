package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;

/** What a call into oneDNN answered. */
public enum Status {
    SUCCESS(dnnl_h.dnnl_success(), "succeeded", "nothing"),
    OUT_OF_MEMORY(
            dnnl_h.dnnl_out_of_memory(), "ran out of memory", "use a smaller batch or give the process more memory"),
    INVALID_ARGUMENTS(
            dnnl_h.dnnl_invalid_arguments(),
            "refused the arguments",
            "check that the shapes, strides and paddings belong together and that every argument the primitive needs"
                    + " is bound"),
    UNIMPLEMENTED(
            dnnl_h.dnnl_unimplemented(),
            "has no implementation for these shapes, types and layouts on this processor",
            "let oneDNN choose the layouts (FormatTag.ANY), use float32, or leave the post-ops and fusions away"),
    LAST_IMPL_REACHED(
            dnnl_h.dnnl_last_impl_reached(), "has no further implementation", "keep the implementation found before"),
    RUNTIME_ERROR(
            dnnl_h.dnnl_runtime_error(),
            "failed while it ran",
            "set ONEDNN_VERBOSE=all in the environment to have oneDNN say why"),
    NOT_REQUIRED(dnnl_h.dnnl_not_required(), "was not required", "leave the call away"),
    INVALID_GRAPH(dnnl_h.dnnl_invalid_graph(), "refused the graph", "report this"),
    INVALID_GRAPH_OP(dnnl_h.dnnl_invalid_graph_op(), "refused an operation of the graph", "report this"),
    INVALID_SHAPE(dnnl_h.dnnl_invalid_shape(), "refused a shape", "check the shapes"),
    INVALID_DATA_TYPE(dnnl_h.dnnl_invalid_data_type(), "refused a data type", "check the data types"),
    /** A number that oneDNN 3.13 does not define: a newer library. */
    UNKNOWN(-1, "answered with a status that this version does not know", "use the oneDNN that comes with Ondine");

    private final int code;
    private final String meaning;
    private final String remedy;

    Status(int code, String meaning, String remedy) {
        this.code = code;
        this.meaning = meaning;
        this.remedy = remedy;
    }

    /** The status of a number that oneDNN returned; {@link #UNKNOWN} if it defines none such. */
    public static Status of(int code) {
        for (Status status : values()) {
            if (status.code == code) return status;
        }
        return UNKNOWN;
    }

    /** oneDNN's number for it. */
    public int code() {
        return code;
    }

    /** What happened, to be read after "oneDNN". */
    String meaning() {
        return meaning;
    }

    /** What the caller can do about it. */
    public String remedy() {
        return remedy;
    }
}
