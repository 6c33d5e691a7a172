/* What an LSTM makes of its gates, forward and backward, in one pass each.
 *
 * Sizes: gates (N, 4, C): enter, forget, output and candidate, before their activations, and `active` after them; everything else
 * (N, C). */
#include "lanes.h"

/* To 1e-7, absolutely. */
INLINE lanes tangent(lanes x) { return 2.f * sigmoid(2.f * x) - 1.f; }

int lstm_forward(const float *gates, const float *before, float *active, float *hidden, float *cell, int64_t N, int64_t C, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < N; i++)
        for (int64_t c = 0; c < C; c += LANES) {
            const float *gate = gates + i * 4 * C + c;
            float *to = active + i * 4 * C + c;
            const int64_t at = i * C + c, n = C - c;
            const lanes enter = sigmoid(fetch(gate, n)), forget = sigmoid(fetch(gate + C, n));
            const lanes output = sigmoid(fetch(gate + 2 * C, n)), candidate = tangent(fetch(gate + 3 * C, n));
            put(to, enter, n);
            put(to + C, forget, n);
            put(to + 2 * C, output, n);
            put(to + 3 * C, candidate, n);
            const lanes now = forget * fetch(before + at, n) + enter * candidate;
            put(cell + at, now, n);
            put(hidden + at, output * tangent(now), n);
        }
    return 0;
}

/* The gradients of the gates and of the cell before, from those of hidden and of the cell. */
int lstm_backward(const float *of_hidden, const float *of_cell, const float *active, const float *before, const float *cell,
                  float *of_gates, float *of_before, int64_t N, int64_t C, int threads)
{
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t i = 0; i < N; i++)
        for (int64_t c = 0; c < C; c += LANES) {
            const float *gate = active + i * 4 * C + c;
            float *to = of_gates + i * 4 * C + c;
            const int64_t at = i * C + c, n = C - c;
            const lanes enter = fetch(gate, n), forget = fetch(gate + C, n);
            const lanes output = fetch(gate + 2 * C, n), candidate = fetch(gate + 3 * C, n);
            const lanes squashed = tangent(fetch(cell + at, n)), hidden = fetch(of_hidden + at, n);
            const lanes now = fetch(of_cell + at, n) + hidden * output * (1.f - squashed * squashed);
            put(to, now * candidate * enter * (1.f - enter), n);
            put(to + C, now * fetch(before + at, n) * forget * (1.f - forget), n);
            put(to + 2 * C, hidden * squashed * output * (1.f - output), n);
            put(to + 3 * C, now * enter * (1.f - candidate * candidate), n);
            put(of_before + at, now * forget, n);
        }
    return 0;
}
