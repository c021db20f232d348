/*
 * What several kernels share. OpenCL C 1.2, core features only, no doubles.
 *
 * Before including it a file may define, or the host give as options:
 *
 *   ACTIVATION      the activation fused behind the result: 0 linear, 1 ReLU, 2 leaky ReLU, 3 ELU;
 *                   with ACTIVATION_ALPHA
 *   X_ACTIVATION    the activation that made x, whose derivative a gradient is multiplied by;
 *                   with X_ACTIVATION_ALPHA
 *   VECTOR          1, 2, 4, 8 or 16: the width of `floatv` and `intv`
 *
 * A file that needs a macro which has no sensible default says so with #error.
 *
 * Pointers are `restrict` in kernels, and of the functions that kernels call only in those that are always inlined: Oclgrind
 * 21.10 cannot run what its compiler makes of the others.
 */
#define INLINE static inline __attribute__((always_inline))
/* A kernel in groups of one item, as CPUs want them. */
#define ITEM __attribute__((reqd_work_group_size(1, 1, 1))) __kernel void

#define ACTIVATION_LINEAR     0
#define ACTIVATION_RELU       1
#define ACTIVATION_LEAKY_RELU 2
#define ACTIVATION_ELU        3

/* ACTIVATE(z), for scalars and vectors. Comparisons are arranged so that NaN passes. */
#if defined(ACTIVATION) && !defined(ACTIVATION_ALPHA)
#error "ACTIVATION needs ACTIVATION_ALPHA"
#endif
#if !defined(ACTIVATION)
/* A kernel without a fused activation. */
#elif ACTIVATION == ACTIVATION_LINEAR
#define ACTIVATE(z) (z)
#elif ACTIVATION == ACTIVATION_RELU
#define ACTIVATE(z) ((z) <= 0.0f ? 0.0f : (z))
#elif ACTIVATION == ACTIVATION_LEAKY_RELU
#define ACTIVATE(z) ((z) <= 0.0f ? ACTIVATION_ALPHA * (z) : (z))
#elif ACTIVATION == ACTIVATION_ELU
#define ACTIVATE(z) ((z) <= 0.0f ? ACTIVATION_ALPHA * expm1(z) : (z))
#else
#error "unknown ACTIVATION"
#endif

/* X_DERIVATIVE(g, x): g times the derivative of the activation that made x; x is not looked at for a linear
 * one. Zero is a product, so that a NaN in g is never lost: with a zero that Mesa's compiler does not see, which takes
 * g * 0.0f for zero whatever g is. */
#if defined(X_ACTIVATION) && !defined(X_ACTIVATION_ALPHA)
#error "X_ACTIVATION needs X_ACTIVATION_ALPHA"
#endif
#if !defined(X_ACTIVATION)
/* A kernel that writes no gradient. */
#elif X_ACTIVATION == ACTIVATION_LINEAR
#define X_DERIVATIVE(g, x) (g)
#elif X_ACTIVATION == ACTIVATION_RELU
#define X_DERIVATIVE(g, x) ((x) > 0.0f ? (g) : (g)*fmax(x, 0.0f))
#elif X_ACTIVATION == ACTIVATION_LEAKY_RELU
#define X_DERIVATIVE(g, x) ((x) > 0.0f ? (g) : (g)*X_ACTIVATION_ALPHA)
#elif X_ACTIVATION == ACTIVATION_ELU
#define X_DERIVATIVE(g, x) ((x) > 0.0f ? (g) : (g) * ((x) + X_ACTIVATION_ALPHA))
#else
#error "unknown X_ACTIVATION"
#endif

/* Whether `candidate` takes the place of `best` as the maximum: only a NaN is not equal to itself. Once best
 * is NaN, only another NaN replaces it. */
#define IS_GREATER_OR_NAN(candidate, best) (((candidate) > (best)) | ((candidate) != (candidate)))
/* The same for where the maximum is, which is the first: a NaN stays. */
#define IS_NEW_MAXIMUM(candidate, best) (((candidate) > (best)) | (((candidate) != (candidate)) & ((best) == (best))))

/* Vectors of VECTOR floats. LOAD and STORE take the index of a whole vector and need an aligned pointer; VLOAD and VSTORE are
 * vload and vstore of vectors of more than one float. */
#ifdef VECTOR
#if VECTOR == 1
typedef float floatv;
typedef int intv;
#elif VECTOR == 2 || VECTOR == 4 || VECTOR == 8 || VECTOR == 16
#define JOIN_NAMES(name, width) name##width
#define OF_WIDTH(name, width)   JOIN_NAMES(name, width)
typedef OF_WIDTH(float, VECTOR) floatv;
typedef OF_WIDTH(int, VECTOR) intv;
#define VLOAD  OF_WIDTH(vload, VECTOR)
#define VSTORE OF_WIDTH(vstore, VECTOR)
#else
#error "VECTOR must be 1, 2, 4, 8 or 16"
#endif
#define LOAD(pointer, index)         (((const __global floatv *)(pointer))[index])
#define STORE(pointer, index, value) (((__global floatv *)(pointer))[index] = (value))
#endif

/* Exact bits of a float: whether it is infinity or NaN, which no compiler option can optimise away. */
static inline int is_not_finite(float value) {
    return (as_uint(value) & 0x7f800000u) == 0x7f800000u;
}
