/* What the pooling kernels share: their macros, and vectors of channels. */
#if !defined(MAX_POOL) || !defined(IN_H) || !defined(IN_W) || !defined(CHANNELS) || !defined(OUT_H) ||                 \
    !defined(OUT_W) || !defined(WINDOW_H) || !defined(WINDOW_W) || !defined(STRIDE_H) || !defined(STRIDE_W) ||         \
    !defined(PAD_TOP) || !defined(PAD_LEFT) || !defined(VECTOR) || !defined(ROW_PER_ITEM)
#error "a macro of the pooling kernels is missing: the file's first comment lists them"
#endif

#define N_VECTORS (CHANNELS / VECTOR)
/* Index of vector v of the channels of an input pixel. */
#define VECTOR_AT(sample, iy, ix, v) ((((sample)*IN_H + (iy)) * IN_W + (ix)) * N_VECTORS + (v))

/* Whether a window can reach beyond the input. */
#define PADDED                                                                                                         \
    (PAD_TOP > 0 || PAD_LEFT > 0 || (OUT_H - 1) * STRIDE_H - PAD_TOP + WINDOW_H > IN_H ||                              \
     (OUT_W - 1) * STRIDE_W - PAD_LEFT + WINDOW_W > IN_W)
