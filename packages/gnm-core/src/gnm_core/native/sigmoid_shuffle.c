/* Sigmoid and pixel shuffle in one go, forward and backward: how a sub-pixel convolution becomes a picture.
 *
 * Sizes: x is (B, H, W, r, r, C), what the convolution yields; the picture is (B, C, r H, r W). One line of x, (W, r, r, C),
 * is r lines of the picture in each of its channels. */
#include "numbers.h"

/* Returns 0, or 1 without memory. */
int FUNCTION(sigmoid_shuffle_forward)(const num *x, num *picture, int64_t B, int64_t H, int64_t W, int64_t r, int64_t C,
                                      int threads)
{
    const int64_t length = W * r * r * C, width = W * r, plane = H * r * width;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        num *line = malloc(length * sizeof(num));
        failed = !line;
#pragma omp for schedule(static) collapse(2)
        for (int64_t b = 0; b < B; b++)
            for (int64_t h = 0; h < H; h++) {
                if (failed)
                    continue;
                const num *from = x + (b * H + h) * length;
#pragma omp simd
                for (int64_t i = 0; i < length; i++)
                    line[i] = narrow(sigmoid(wide(from[i])));
                for (int64_t c = 0; c < C; c++)
                    for (int64_t q = 0; q < r; q++) {
                        num *to = picture + (b * C + c) * plane + (h * r + q) * width;
                        for (int64_t w = 0; w < W; w++)
                            for (int64_t s = 0; s < r; s++)
                                to[w * r + s] = line[((w * r + q) * r + s) * C + c];
                    }
            }
        free(line);
    }
    return failed;
}

/* The gradient of x from that of the picture, and the picture. */
int FUNCTION(sigmoid_shuffle_backward)(const num *gradient, const num *picture, num *x_gradient, int64_t B, int64_t H,
                                       int64_t W, int64_t r, int64_t C, int threads)
{
    const int64_t length = W * r * r * C, width = W * r, plane = H * r * width;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        num *line = malloc(width * sizeof(num)); /* of the picture: its gradient before the sigmoid */
        failed = !line;
#pragma omp for schedule(static) collapse(2)
        for (int64_t b = 0; b < B; b++)
            for (int64_t h = 0; h < H; h++) {
                if (failed)
                    continue;
                num *to = x_gradient + (b * H + h) * length;
                for (int64_t c = 0; c < C; c++)
                    for (int64_t q = 0; q < r; q++) {
                        const int64_t at = (b * C + c) * plane + (h * r + q) * width;
#pragma omp simd
                        for (int64_t i = 0; i < width; i++) {
                            const float y = wide(picture[at + i]);
                            line[i] = narrow(wide(gradient[at + i]) * y * (1.f - y));
                        }
                        for (int64_t w = 0; w < W; w++)
                            for (int64_t s = 0; s < r; s++)
                                to[((w * r + q) * r + s) * C + c] = line[w * r + s];
                    }
            }
        free(line);
    }
    return failed;
}
