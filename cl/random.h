/*
 * Random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011, section 3.3). Bit for bit the host's fcl_random_block() and fcl_random_unit().
 *
 * Macro: RANDOM_BLOCKS, 1 or 4: how many blocks are made at once. `uintr` has one component a block.
 */
#ifndef RANDOM_BLOCKS
#error "RANDOM_BLOCKS is needed"
#endif

#if RANDOM_BLOCKS == 1
typedef uint uintr;
#define TO_ULONG(words) convert_ulong(words)
#define TO_UINT(words)  convert_uint(words)
#elif RANDOM_BLOCKS == 4
typedef uint4 uintr;
#define TO_ULONG(words) convert_ulong4(words)
#define TO_UINT(words)  convert_uint4(words)
#else
#error "RANDOM_BLOCKS must be 1 or 4"
#endif

/* Four words of each block. */
typedef struct random_words {
    uintr word[4];
} random_words;

/* Counter (position low, position high, step, purpose), key (seed low, seed high). Ten rounds over the
 * counter; between them the key moves on by the Weyl constants. Products are 64 bits wide, which CPUs compute
 * faster than mul_hi. */
static inline random_words philox4x32(uintr position_low, uintr position_high, uint step, uint purpose, uint key_low,
                                      uint key_high) {
    uintr c0 = position_low, c1 = position_high, c2 = step, c3 = purpose;
    for (int round = 0; round < 10; round++) {
        const ulong mask = 0xffffffffUL;
        const uintr high0 = TO_UINT(TO_ULONG(c0) * 0xD2511F53UL >> 32),
                    low0 = TO_UINT(TO_ULONG(c0) * 0xD2511F53UL & mask);
        const uintr high1 = TO_UINT(TO_ULONG(c2) * 0xCD9E8D57UL >> 32),
                    low1 = TO_UINT(TO_ULONG(c2) * 0xCD9E8D57UL & mask);
        c0 = high1 ^ c1 ^ key_low;
        c1 = low1;
        c2 = high0 ^ c3 ^ key_high;
        c3 = low0;
        key_low += 0x9E3779B9u;
        key_high += 0xBB67AE85u;
    }
    random_words words;
    words.word[0] = c0;
    words.word[1] = c1;
    words.word[2] = c2;
    words.word[3] = c3;
    return words;
}

/* In [0, 1), exact. */
#if RANDOM_BLOCKS == 1
#define RANDOM_UNIT(words) (convert_float((words) >> 8) * 0x1p-24f)
#else
#define RANDOM_UNIT(words) (convert_float4((words) >> 8) * 0x1p-24f)
#endif
