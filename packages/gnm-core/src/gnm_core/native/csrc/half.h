/* Whether a layer's products may be rounded, and can be: bfloat16 in the matrix tiles (AMX) of some processors. */
#ifndef HALF_H
#define HALF_H

#include "layer.h"

#if defined(__AMX_TILE__) && defined(__AMX_BF16__) && defined(__AVX512BF16__) && defined(__AVX512F__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>

#define TILES

/* Whether the system lets this process have tiles: it must be asked. */
static int tiles_allowed(void)
{
    static int answer = -1;
    enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
    if (answer < 0)
        answer = syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
    return answer;
}
#else
static int tiles_allowed(void) { return 0; }
#endif

static inline int tiled(const struct layer *l)
{
    return l->half && l->kernel && l->inputs % 8 == 0 && outputs_of(l) % 8 == 0 && tiles_allowed();
}

static int any_tiled(const struct layer *layers, int64_t n)
{
    int any = 0;
    for (int64_t i = 0; i < n; i++)
        any |= tiled(layers + i);
    return any;
}

#endif
