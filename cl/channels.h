/* Vectors of 16 channels of CHANNELS_IN_ALL, the last of which may reach beyond the end: what is there counts as zero and is
 * not written. For kernels in which one item owns whole vectors. */
#ifndef CHANNELS_IN_ALL
#error "CHANNELS_IN_ALL is needed"
#endif

#define TAIL (CHANNELS_IN_ALL % 16)

static inline float16 load_channels(__global const float *pointer, int channel) {
#if TAIL
    if (channel + 16 > CHANNELS_IN_ALL) {
        float lanes[16];
        for (int i = 0; i < 16; i++) lanes[i] = i < TAIL && channel < CHANNELS_IN_ALL ? pointer[i] : 0.0f;
        return vload16(0, lanes);
    }
#endif
    return vload16(0, pointer);
}

static inline uchar16 load_bytes(__global const uchar *pointer, int channel) {
#if TAIL
    if (channel + 16 > CHANNELS_IN_ALL) {
        uchar lanes[16];
        for (int i = 0; i < 16; i++) lanes[i] = i < TAIL && channel < CHANNELS_IN_ALL ? pointer[i] : 0;
        return vload16(0, lanes);
    }
#endif
    return vload16(0, pointer);
}

static inline void store_bytes(uchar16 value, __global uchar *pointer, int channel) {
#if TAIL
    if (channel + 16 > CHANNELS_IN_ALL) {
        uchar lanes[16];
        vstore16(value, 0, lanes);
        for (int i = 0; i < TAIL && channel < CHANNELS_IN_ALL; i++) pointer[i] = lanes[i];
        return;
    }
#endif
    vstore16(value, 0, pointer);
}

static inline void store_channels(float16 value, __global float *pointer, int channel) {
#if TAIL
    if (channel + 16 > CHANNELS_IN_ALL) {
        float lanes[16];
        vstore16(value, 0, lanes);
        for (int i = 0; i < TAIL && channel < CHANNELS_IN_ALL; i++) pointer[i] = lanes[i];
        return;
    }
#endif
    vstore16(value, 0, pointer);
}
