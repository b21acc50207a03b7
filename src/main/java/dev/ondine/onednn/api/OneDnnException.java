package dev.ondine.onednn.api;

/** A call into oneDNN failed. The message names the call, shapes and types where there are any, and what to do. */
public final class OneDnnException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final Status status;

    OneDnnException(Status status, String call) {
        super(call + ": oneDNN " + status.meaning() + " (" + status.name().toLowerCase(java.util.Locale.ROOT) + "); "
                + status.remedy());
        this.status = status;
    }

    /** What oneDNN answered. */
    public Status status() {
        return status;
    }

    /** Throws unless the status that a call returned is success. */
    static void check(int code, String call) {
        if (code != 0) throw new OneDnnException(Status.of(code), call);
    }
}
