package dev.ondine.onednn.api;

import dev.ondine.onednn.ffi.dnnl_h;

/** Which memory descriptor a primitive descriptor is asked for. */
public enum MemoryQuery {
    SRC(dnnl_h.dnnl_query_src_md()),
    DIFF_SRC(dnnl_h.dnnl_query_diff_src_md()),
    WEIGHTS(dnnl_h.dnnl_query_weights_md()),
    DIFF_WEIGHTS(dnnl_h.dnnl_query_diff_weights_md()),
    DST(dnnl_h.dnnl_query_dst_md()),
    DIFF_DST(dnnl_h.dnnl_query_diff_dst_md()),
    WORKSPACE(dnnl_h.dnnl_query_workspace_md()),
    SCRATCHPAD(dnnl_h.dnnl_query_scratchpad_md());

    private final int code;

    MemoryQuery(int code) {
        this.code = code;
    }

    int code() {
        return code;
    }
}
