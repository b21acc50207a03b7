#include "ondine_sequence.h"

int32_t ondine_run_sequence(ondine_execute_function execute, const ondine_execution *executions, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        const ondine_execution *e = &executions[i];
        if (e->own) {
            e->own(e->arguments);
            continue;
        }
        const int status = execute(e->primitive, e->stream, (int)e->count, e->arguments);
        if (status != 0) return status;
    }
    return 0;
}
