#include "support/golden.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Not Check's assertions: they work in running tests only, and suites read their cases before. */
#define REQUIRE(condition, ...)                                                                                        \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, __VA_ARGS__);                                                                              \
            fputc('\n', stderr);                                                                                       \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

enum { MAX_FACTS = 64, MAX_ARRAYS = 16, MAX_CASES = 64 };

typedef struct array {
    const char *name, *type;
    size_t count;
    void *elements;
} array;

struct golden_case {
    const char *name;
    const char *keys[MAX_FACTS], *values[MAX_FACTS];
    array arrays[MAX_ARRAYS];
    size_t n_facts, n_arrays;
};

struct golden {
    char *text; /* the file; its lines are cut into the strings above */
    golden_case *cases;
    size_t n_cases;
};

static void parse_case(golden_case *c) {
    c->name = strtok(NULL, " ");
    REQUIRE(c->name, "a case without a name");
    for (char *fact; (fact = strtok(NULL, " "));) {
        char *equals = strchr(fact, '=');
        REQUIRE(equals && c->n_facts < MAX_FACTS, "%s: fact '%s'", c->name, fact);
        *equals = '\0';
        c->keys[c->n_facts] = fact;
        c->values[c->n_facts++] = equals + 1;
    }
}

/* Returns the number of bytes that follow the line. The elements are copied, for their alignment. */
static size_t parse_array(golden_case *c, const char *bytes, size_t n_left) {
    REQUIRE(c && c->n_arrays < MAX_ARRAYS, "array outside of a case, or too many");
    array *a = &c->arrays[c->n_arrays++];
    a->name = strtok(NULL, " ");
    a->type = strtok(NULL, " ");
    const char *count = strtok(NULL, " ");
    REQUIRE(count && fcl_parse_size(&a->count, count), "%s: array without a count", c->name);
    size_t n_bytes = a->count * (strcmp(a->type, "f64") == 0 ? sizeof(double) : 1);
    REQUIRE(n_bytes < n_left && bytes[n_bytes] == '\n', "%s: array %s is cut off", c->name, a->name);
    a->elements = fcl_calloc(n_bytes, 1);
    REQUIRE(a->elements, "no memory");
    memcpy(a->elements, bytes, n_bytes);
    return n_bytes + 1;
}

golden *golden_read(const char *name) {
    char *path = fcl_path_join(FCL_TEST_GOLDEN_DIR, name);
    golden *file = fcl_calloc(1, sizeof *file);
    REQUIRE(path && file, "no memory");
    size_t n_bytes;
    REQUIRE(fcl_file_read(&file->text, &n_bytes, path) == FCL_OK, "%s", fcl_error_message());
    REQUIRE(fcl_starts_with(file->text, "FCLGOLD1\n"), "%s is no golden file", path);
    file->cases = fcl_calloc(MAX_CASES, sizeof *file->cases);
    REQUIRE(file->cases, "no memory");
    char *p = strchr(file->text, '\n') + 1, *end = file->text + n_bytes;
    while (p < end) {
        char *newline = memchr(p, '\n', (size_t)(end - p));
        REQUIRE(newline, "%s: cut off", path);
        *newline = '\0';
        const char *word = strtok(p, " ");
        p = newline + 1;
        if (word && strcmp(word, "case") == 0) {
            REQUIRE(file->n_cases < MAX_CASES, "%s: too many cases", path);
            parse_case(&file->cases[file->n_cases++]);
        } else {
            REQUIRE(word && strcmp(word, "array") == 0, "%s: a line that is neither case nor array", path);
            p += parse_array(file->n_cases ? &file->cases[file->n_cases - 1] : NULL, p, (size_t)(end - p));
        }
    }
    free(path);
    return file;
}

void golden_free(golden *file) {
    for (size_t i = 0; i < file->n_cases; i++)
        for (size_t k = 0; k < file->cases[i].n_arrays; k++) free(file->cases[i].arrays[k].elements);
    free(file->cases);
    free(file->text);
    free(file);
}

size_t golden_n_cases(const golden *file) {
    return file->n_cases;
}

const golden_case *golden_at(const golden *file, size_t index) {
    REQUIRE(index < file->n_cases, "no golden case number %zu", index);
    return &file->cases[index];
}

const golden_case *golden_find(const golden *file, const char *name) {
    for (size_t i = 0; i < file->n_cases; i++)
        if (strcmp(file->cases[i].name, name) == 0) return &file->cases[i];
    REQUIRE(0, "no golden case '%s'", name);
    return NULL;
}

const char *golden_name(const golden_case *c) {
    return c->name;
}

static const char *find_fact(const golden_case *c, const char *key) {
    for (size_t i = 0; i < c->n_facts; i++)
        if (strcmp(c->keys[i], key) == 0) return c->values[i];
    return NULL;
}

int golden_has(const golden_case *c, const char *key) {
    return find_fact(c, key) != NULL;
}

const char *golden_text(const golden_case *c, const char *key) {
    const char *value = find_fact(c, key);
    REQUIRE(value, "%s has no fact '%s'", c->name, key);
    return value;
}

double golden_number(const golden_case *c, const char *key) {
    /* Not fcl_parse_double: a sum over a NaN is one. */
    return strtod(golden_text(c, key), NULL);
}

int golden_int(const golden_case *c, const char *key) {
    return (int)golden_number(c, key);
}

uint64_t golden_uint64(const golden_case *c, const char *key) {
    return strtoull(golden_text(c, key), NULL, 10);
}

static const array *find_array(const golden_case *c, const char *name, const char *type) {
    for (size_t i = 0; i < c->n_arrays; i++)
        if (strcmp(c->arrays[i].name, name) == 0 && strcmp(c->arrays[i].type, type) == 0) return &c->arrays[i];
    REQUIRE(0, "%s has no %s array '%s'", c->name, type, name);
    return NULL;
}

const double *golden_doubles(size_t *n, const golden_case *c, const char *name) {
    const array *a = find_array(c, name, "f64");
    *n = a->count;
    return a->elements;
}

const unsigned char *golden_bytes(size_t *n, const golden_case *c, const char *name) {
    const array *a = find_array(c, name, "u8");
    *n = a->count;
    return a->elements;
}

golden_tensor golden_get_tensor(const golden_case *c, const char *name) {
    golden_tensor tensor;
    char key[64];
    tensor.stored = golden_doubles(&tensor.n_stored, c, name);
    snprintf(key, sizeof key, "%s.count", name);
    tensor.count = (size_t)golden_number(c, key);
    snprintf(key, sizeof key, "%s.sum", name);
    tensor.sum = golden_number(c, key);
    REQUIRE(tensor.count > GOLDEN_FULL || tensor.count == tensor.n_stored, "%s: %s is not whole", c->name, name);
    return tensor;
}

size_t golden_tensor_index(const golden_tensor *tensor, size_t k) {
    return tensor->n_stored == tensor->count ? k : golden_sample(k, tensor->count);
}

/* The finaliser of MurmurHash3. */
static uint32_t mix(uint32_t x) {
    x ^= x >> 16;
    x *= 0x85ebca6bu;
    x ^= x >> 13;
    x *= 0xc2b2ae35u;
    return x ^ x >> 16;
}

size_t golden_sample(size_t k, size_t count) {
    if (k == 0) return 0;
    return k == 1 ? count - 1 : mix((uint32_t)k) % count;
}

uint32_t golden_word(uint32_t i, uint32_t key) {
    return mix(i * 2654435761u + mix(key));
}

float golden_value(uint32_t i, uint32_t key, float scale, float offset) {
    return ((float)(golden_word(i, key) >> 16) / 65536.0f - 0.5f) * scale + offset;
}

void golden_fill(float *out, size_t n, uint32_t key, float scale, float offset) {
    for (size_t i = 0; i < n; i++) out[i] = golden_value((uint32_t)i, key, scale, offset);
}

void golden_fill_mask(float *out, size_t n, uint32_t key, double share) {
    for (size_t i = 0; i < n; i++) out[i] = (golden_word((uint32_t)i, key) >> 16) < (uint32_t)(share * 65536.0);
}
