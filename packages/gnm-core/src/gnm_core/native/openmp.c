/* OpenMP's functions, by the names that GCC calls, handed on to those of the library that torch has loaded: threads of another
 * library would stand in the way of torch's. `openmp.py` fills the table, so that no library is linked to any by name. */
#include <stdbool.h>

#define HERE __attribute__((visibility("hidden")))

enum { PARALLEL, PARALLEL_LOOP, THREADS, THREAD, BARRIER, LOOP_START, LOOP_NEXT, LOOP_END, LOOP_END_NOWAIT, FUNCTIONS };

const char *const openmp_names[FUNCTIONS + 1] = {
    "GOMP_parallel",
    "GOMP_parallel_loop_nonmonotonic_dynamic",
    "omp_get_num_threads",
    "omp_get_thread_num",
    "GOMP_barrier",
    "GOMP_loop_nonmonotonic_dynamic_start",
    "GOMP_loop_nonmonotonic_dynamic_next",
    "GOMP_loop_end",
    "GOMP_loop_end_nowait",
    0,
};
void *openmp_functions[FUNCTIONS];

#define CALL(function, type) ((type)openmp_functions[function])

HERE void GOMP_parallel(void (*work)(void *), void *data, unsigned threads, unsigned flags)
{
    CALL(PARALLEL, void (*)(void (*)(void *), void *, unsigned, unsigned))(work, data, threads, flags);
}

HERE void GOMP_parallel_loop_nonmonotonic_dynamic(void (*work)(void *), void *data, unsigned threads, long start, long end,
                                                  long step, long chunk, unsigned flags)
{
    CALL(PARALLEL_LOOP, void (*)(void (*)(void *), void *, unsigned, long, long, long, long, unsigned))
    (work, data, threads, start, end, step, chunk, flags);
}

HERE int omp_get_num_threads(void) { return CALL(THREADS, int (*)(void))(); }
HERE int omp_get_thread_num(void) { return CALL(THREAD, int (*)(void))(); }
HERE void GOMP_barrier(void) { CALL(BARRIER, void (*)(void))(); }

HERE bool GOMP_loop_nonmonotonic_dynamic_start(long start, long end, long step, long chunk, long *first, long *last)
{
    return CALL(LOOP_START, bool (*)(long, long, long, long, long *, long *))(start, end, step, chunk, first, last);
}

HERE bool GOMP_loop_nonmonotonic_dynamic_next(long *first, long *last)
{
    return CALL(LOOP_NEXT, bool (*)(long *, long *))(first, last);
}

HERE void GOMP_loop_end(void) { CALL(LOOP_END, void (*)(void))(); }
HERE void GOMP_loop_end_nowait(void) { CALL(LOOP_END_NOWAIT, void (*)(void))(); }
