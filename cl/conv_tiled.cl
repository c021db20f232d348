/*
 * Convolution of any shape, stride and padding as a product of matrices that are never stored (implicit GEMM), for devices
 * whose work-groups share local memory; a dense layer is a convolution over one pixel.
 *
 * A work-group computes a tile of TILE_M rows and TILE_N columns of the product. It steps along the sum TILE_K terms at a
 * time: its work-items bring TILE_M x TILE_K elements of the left matrix and TILE_K x TILE_N of the right one to local
 * memory, then each multiplies its share into a block of BLOCK_M x BLOCK_N sums in registers.
 *
 *   kernel                       rows            columns           sum over
 *   conv_tiled_forward           pixels of y     channels of y     taps and channels of x
 *   conv_tiled_backward_data     pixels of dx    channels of dx    taps, turned around, and channels of dy
 *   conv_tiled_backward_weights  taps and        channels of y     pixels of y: one of `n_parts` parts, whose partial
 *                                channels of x                     sums sum_parts.cl adds up
 *
 * The left matrix is gathered from `source` (x, dy, x): an element is one channel that one tap reads for one pixel. The
 * gradient of the biases is one more row of the weights' gradient, whose left matrix is all ones.
 *
 * In local memory the index along the sum is the slower one, so that neighbouring work-items read neighbouring groups of four
 * rows or columns, without conflicts of banks; lines are four floats longer than a tile for those that write across them.
 * Global memory is read along channels, which are contiguous. What lies outside of a tensor is read as zero. Each element is
 * one sum in order of its terms, whatever the tile.
 *
 * Shapes: x (n, IN_H, IN_W, IN_C), y and dy (n, OUT_H, OUT_W, OUT_C), w (KERNEL_H, KERNEL_W, IN_C, OUT_C), b (OUT_C), parts
 * (n_parts, weights then biases); dx as x. In the kernels: source (n, SOURCE_H, SOURCE_W, SOURCE_C), the other tensor's
 * pixels (n, GRID_H, GRID_W).
 * Work sizes: (tiles of columns times tiles of rows) groups of ITEMS work-items, times n_parts.
 * Macros: SOURCE_H ... GRID_W, COLUMNS, KERNEL_H, KERNEL_W, STRIDE_*, DILATION_* (between the rows of the source: the
 * convolution's stride in conv_tiled_backward_data, else 1), PAD_*, TILE_*, BLOCK_*; ACTIVATION or X_ACTIVATION.
 */
#include "common.h"

#ifndef SOURCE_H
#error "SOURCE_H and the rest of the shape are needed"
#endif
#if TILE_M % BLOCK_M || TILE_N % BLOCK_N || BLOCK_M % 4 || BLOCK_N % 4
#error "a tile is made of whole blocks, a block of groups of four"
#endif

#define ITEMS_M       (TILE_M / BLOCK_M)
#define ITEMS_N       (TILE_N / BLOCK_N)
#define ITEMS         (ITEMS_M * ITEMS_N)
#define LINE_M        (TILE_M + 4)
#define LINE_N        (TILE_N + 4)
#define N_TAPS        (KERNEL_H * KERNEL_W * SOURCE_C)
#define GRID          (GRID_H * GRID_W)
#define SOURCE_SAMPLE (SOURCE_H * SOURCE_W * SOURCE_C)
/* A row that no tensor has, also after another one was added. */
#define OUTSIDE (-(1 << 30))

/* Where pixel p of the grid begins to read: its sample's offset in the source, row, column. */
static inline int4 find_pixel(int p, int end) {
    const int row = p / GRID_W % GRID_H * STRIDE_H - PAD_TOP, column = p % GRID_W * STRIDE_W - PAD_LEFT;
    return p < end ? (int4)(p / GRID * SOURCE_SAMPLE, row, column, 0) : (int4)(0, OUTSIDE, 0, 0);
}

/* What tap t adds: channel, row, column. */
static inline int4 find_tap(int t) {
    const int row = t / (KERNEL_W * SOURCE_C), column = t / SOURCE_C % KERNEL_W;
    return t < N_TAPS ? (int4)(t % SOURCE_C, row, column, 0) : (int4)(0, OUTSIDE, 0, 0);
}

static inline float read_source(__global const float *source, int4 pixel, int4 tap) {
    const int4 at = pixel + tap;
#if DILATION_H == 1 && DILATION_W == 1
    const int row = at.y, column = at.z, between = 0;
#else
    const int row = at.y / DILATION_H, column = at.z / DILATION_W,
              between = at.y % DILATION_H != 0 || at.z % DILATION_W != 0;
#endif
    if (at.y < 0 || at.z < 0 || row >= SOURCE_H || column >= SOURCE_W || between) return 0.0f;
    return source[at.x + (row * SOURCE_W + column) * SOURCE_C];
}

/* Where the tile of this work-group begins. Tiles of the same rows are neighbours: they read the same pixels. */
#define COLUMN_TILES   ((COLUMNS + TILE_N - 1) / TILE_N)
#define FIRST_ROW()    ((int)get_group_id(0) / COLUMN_TILES * TILE_M)
#define FIRST_COLUMN() ((int)get_group_id(0) % COLUMN_TILES * TILE_N)
/* Row i or column i of a work-item's block within the tile: groups of four, those of all items side by side. */
#define ROW_OF(item, i)    (((i) / 4 * ITEMS_M + (item) / ITEMS_N) * 4 + (i) % 4)
#define COLUMN_OF(item, i) (((i) / 4 * ITEMS_N + (item) % ITEMS_N) * 4 + (i) % 4)

/* sums += left * right, of the tiles in local memory. */
static inline void multiply(float sums[BLOCK_M][BLOCK_N], __local const float4 *left, __local const float4 *right,
                            int item) {
    for (int k = 0; k < TILE_K; k++) {
        float l[BLOCK_M], r[BLOCK_N];
#pragma unroll
        for (int i = 0; i < BLOCK_M; i += 4) {
            const float4 four = left[(k * LINE_M + ROW_OF(item, i)) / 4];
            l[i] = four.x, l[i + 1] = four.y, l[i + 2] = four.z, l[i + 3] = four.w;
        }
#pragma unroll
        for (int j = 0; j < BLOCK_N; j += 4) {
            const float4 four = right[(k * LINE_N + COLUMN_OF(item, j)) / 4];
            r[j] = four.x, r[j + 1] = four.y, r[j + 2] = four.z, r[j + 3] = four.w;
        }
#pragma unroll
        for (int i = 0; i < BLOCK_M; i++) {
#pragma unroll
            for (int j = 0; j < BLOCK_N; j++) sums[i][j] = fma(l[i], r[j], sums[i][j]);
        }
    }
}

static inline void clear(float sums[BLOCK_M][BLOCK_N]) {
#pragma unroll
    for (int i = 0; i < BLOCK_M; i++) {
#pragma unroll
        for (int j = 0; j < BLOCK_N; j++) sums[i][j] = 0.0f;
    }
}

#if defined(ACTIVATION) || defined(X_ACTIVATION)

/* One step's weights: neighbours take neighbouring columns of the forward pass, terms of the backward pass. */
static inline void load_weights(__local float *right, __global const float *w, int first_tap, int first_column,
                                int item) {
    for (int i = item; i < TILE_K * TILE_N; i += ITEMS) {
#ifdef ACTIVATION
        const int k = i / TILE_N, j = i % TILE_N, t = first_tap + k, column = first_column + j;
        const int at = t * COLUMNS + column;
#else
        const int k = i % TILE_K, j = i / TILE_K, t = first_tap + k, column = first_column + j;
        const int turned = KERNEL_H * KERNEL_W - 1 - t / SOURCE_C;
        const int at = (turned * COLUMNS + column) * SOURCE_C + t % SOURCE_C;
#endif
        right[k * LINE_N + j] = t < N_TAPS && column < COLUMNS ? w[at] : 0.0f;
    }
}

/* The tile's sums over all taps. */
static inline void sum_over_taps(float sums[BLOCK_M][BLOCK_N], __global const float *source, __global const float *w,
                                 int n_pixels, __local float4 *left, __local float4 *right, __local int4 *pixels) {
    const int item = (int)get_local_id(0);
    clear(sums);
    for (int i = item; i < TILE_M; i += ITEMS) pixels[i] = find_pixel(FIRST_ROW() + i, n_pixels);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int first = 0; first < N_TAPS; first += TILE_K) {
        for (int i = item; i < TILE_M * TILE_K; i += ITEMS) {
            const int k = i % TILE_K, row = i / TILE_K;
            ((__local float *)left)[k * LINE_M + row] = read_source(source, pixels[row], find_tap(first + k));
        }
        load_weights((__local float *)right, w, first, FIRST_COLUMN(), item);
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply(sums, left, right, item);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
}

#endif

#ifdef ACTIVATION
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv_tiled_forward(int n, __global const float *restrict x, __global const float *restrict w,
                   __global const float *restrict b, __global float *restrict y) {
    __local float4 left[TILE_K * LINE_M / 4], right[TILE_K * LINE_N / 4];
    __local int4 pixels[TILE_M];
    float sums[BLOCK_M][BLOCK_N];
    const int n_pixels = n * GRID, item = (int)get_local_id(0);
    sum_over_taps(sums, x, w, n_pixels, left, right, pixels);
#pragma unroll
    for (int i = 0; i < BLOCK_M; i++) {
        const int pixel = FIRST_ROW() + ROW_OF(item, i);
#pragma unroll
        for (int j = 0; j < BLOCK_N; j++) {
            const int column = FIRST_COLUMN() + COLUMN_OF(item, j);
            if (pixel >= n_pixels || column >= COLUMNS) continue;
            const float sum = sums[i][j] + b[column];
            y[pixel * COLUMNS + column] = ACTIVATE(sum);
        }
    }
}

#elif defined(X_ACTIVATION)
__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv_tiled_backward_data(int n, __global const float *restrict dy, __global const float *restrict w,
                         __global const float *restrict x, __global float *restrict dx, int accumulate) {
    __local float4 left[TILE_K * LINE_M / 4], right[TILE_K * LINE_N / 4];
    __local int4 pixels[TILE_M];
    float sums[BLOCK_M][BLOCK_N];
    const int n_pixels = n * GRID, item = (int)get_local_id(0);
    sum_over_taps(sums, dy, w, n_pixels, left, right, pixels);
#pragma unroll
    for (int i = 0; i < BLOCK_M; i++) {
        const int pixel = FIRST_ROW() + ROW_OF(item, i);
#pragma unroll
        for (int j = 0; j < BLOCK_N; j++) {
            const int column = FIRST_COLUMN() + COLUMN_OF(item, j);
            if (pixel >= n_pixels || column >= COLUMNS) continue;
            const int at = pixel * COLUMNS + column;
            float sum = sums[i][j];
#if X_ACTIVATION != ACTIVATION_LINEAR
            sum = X_DERIVATIVE(sum, x[at]);
#endif
            dx[at] = accumulate ? dx[at] + sum : sum;
        }
    }
}

#else
/* Rows of the weights' gradient and that of the biases. */
#define ROWS (N_TAPS + 1)

__kernel __attribute__((reqd_work_group_size(ITEMS, 1, 1))) void
conv_tiled_backward_weights(int n, int n_parts, __global const float *restrict x, __global const float *restrict dy,
                            __global float *restrict parts) {
    __local float4 left[TILE_K * LINE_M / 4], right[TILE_K * LINE_N / 4];
    __local int4 pixels[TILE_K];
    float sums[BLOCK_M][BLOCK_N];
    const int item = (int)get_local_id(0), part = (int)get_group_id(1);
    /* Parts are whole steps; the last ones may be short or empty. */
    const int n_pixels = n * GRID, part_pixels = ((n_pixels - 1) / (n_parts * TILE_K) + 1) * TILE_K;
    const int begin = min(part * part_pixels, n_pixels), end = begin + min(part_pixels, n_pixels - begin);
    clear(sums);
    for (int i = item; i < TILE_K; i += ITEMS) pixels[i] = find_pixel(begin + i, end);
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int first = begin; first < end; first += TILE_K) {
        for (int i = item; i < TILE_M * TILE_K; i += ITEMS) {
            const int k = i / TILE_M, row = i % TILE_M, t = FIRST_ROW() + row;
            ((__local float *)left)[k * LINE_M + row] = t == N_TAPS ? 1.0f : read_source(x, pixels[k], find_tap(t));
        }
        for (int i = item; i < TILE_K * TILE_N; i += ITEMS) {
            const int k = i / TILE_N, j = i % TILE_N, pixel = first + k, column = FIRST_COLUMN() + j;
            ((__local float *)right)[k * LINE_N + j] =
                pixel < end && column < COLUMNS ? dy[pixel * COLUMNS + column] : 0.0f;
        }
        barrier(CLK_LOCAL_MEM_FENCE);
        multiply(sums, left, right, item);
        for (int i = item; i < TILE_K; i += ITEMS) pixels[i] = find_pixel(first + TILE_K + i, end);
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#pragma unroll
    for (int i = 0; i < BLOCK_M; i++) {
        const int row = FIRST_ROW() + ROW_OF(item, i);
#pragma unroll
        for (int j = 0; j < BLOCK_N; j++) {
            const int column = FIRST_COLUMN() + COLUMN_OF(item, j);
            if (row < ROWS && column < COLUMNS) parts[(part * ROWS + row) * COLUMNS + column] = sums[i][j];
        }
    }
}
#endif
