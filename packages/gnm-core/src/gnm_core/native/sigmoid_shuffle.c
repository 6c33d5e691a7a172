/* Sigmoid and pixel shuffle in one go, forward and backward: how a sub-pixel convolution becomes a picture.
 *
 * Sizes: x is (B, H, W, r, r, C), what the convolution yields; the picture is (B, C, r H, r W). */
#include "numbers.h"

/* Returns 0, or 1 without memory. */
int FUNCTION(sigmoid_shuffle_forward)(const num *x, num *picture, int64_t B, int64_t H, int64_t W, int64_t r, int64_t C,
                                      int threads)
{
    const int64_t run = r * C, width = W * r, plane = H * r * width;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        float *row = malloc(W * run * sizeof(float)); /* one row of the picture, its channels side by side */
        failed = !row;
#pragma omp for schedule(static) collapse(2)
        for (int64_t b = 0; b < B; b++)
            for (int64_t h = 0; h < H; h++)
                for (int64_t q = 0; row && q < r; q++) {
                    for (int64_t w = 0; w < W; w++) {
                        const num *from = x + (((b * H + h) * W + w) * r + q) * run;
#pragma omp simd
                        for (int64_t i = 0; i < run; i++)
                            row[w * run + i] = sigmoid(wide(from[i]));
                    }
                    for (int64_t c = 0; c < C; c++) {
                        num *to = picture + (b * C + c) * plane + (h * r + q) * width;
                        for (int64_t i = 0; i < width; i++)
                            to[i] = narrow(row[i * C + c]);
                    }
                }
        free(row);
    }
    return failed;
}

/* The gradient of x from that of the picture, and the picture. */
int FUNCTION(sigmoid_shuffle_backward)(const num *gradient, const num *picture, num *x_gradient, int64_t B, int64_t H,
                                       int64_t W, int64_t r, int64_t C, int threads)
{
    const int64_t run = r * C, width = W * r, plane = H * r * width;
    int failed = 0;
#pragma omp parallel num_threads(threads) reduction(| : failed)
    {
        num *row = malloc(W * run * sizeof(num));
        failed = !row;
#pragma omp for schedule(static) collapse(2)
        for (int64_t b = 0; b < B; b++)
            for (int64_t h = 0; h < H; h++)
                for (int64_t q = 0; row && q < r; q++) {
                    for (int64_t c = 0; c < C; c++) {
                        const int64_t at = (b * C + c) * plane + (h * r + q) * width;
#pragma omp simd
                        for (int64_t i = 0; i < width; i++) {
                            float y = wide(picture[at + i]);
                            row[i * C + c] = narrow(wide(gradient[at + i]) * y * (1.f - y));
                        }
                    }
                    for (int64_t w = 0; w < W; w++)
                        memcpy(x_gradient + (((b * H + h) * W + w) * r + q) * run, row + w * run, run * sizeof(num));
                }
        free(row);
    }
    return failed;
}
