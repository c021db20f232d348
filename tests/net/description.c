/* Model files: shapes by hand calculation, and what is refused, with file and line. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "net/description.h"
#include "net/weights.h"
#include "support/support.h"

static fcl_model *parse(const char *text) {
    fcl_model *model;
    ck_ok(fcl_model_parse(&model, "test", text));
    return model;
}

static void check_layer(const fcl_model *model, unsigned index, const char *name, int h, int w, int c) {
    const fcl_layer *layer = fcl_model_layer(model, index);
    ck_assert_str_eq(layer->name, name);
    ck_assert_msg(layer->h == h && layer->w == w && layer->c == c, "%s is %dx%dx%d", name, layer->h, layer->w,
                  layer->c);
}

START_TEST(shipped) {
    /* Parameters and FLOP as the descriptions' comments derive them: docs of each model. */
    static const struct {
        const char *name;
        uint64_t parameters;
        double mflop;
    } known[] = {{"base_model", 3377438, 145.3}, {"model_v1", 5906174, 949.1}};
    for (size_t i = 0; i < 2; i++) {
        fcl_model *model;
        ck_ok(fcl_model_load(&model, known[i].name));
        ck_assert_uint_eq(fcl_model_n_parameters(model), known[i].parameters);
        ck_assert_double_eq_tol(fcl_model_flop(model) / 1e6, known[i].mflop, 0.5);
        fcl_model_free(model);
    }
    fcl_model *model;
    ck_ok(fcl_model_load(&model, "naimishnet"));
    /* 96 - 3 = 93, 46; 44, 22; 21, 10; 10, 5. */
    check_layer(model, 1, "conv", 93, 93, 32);
    check_layer(model, 2, "max_pool", 46, 46, 32);
    check_layer(model, 4, "conv_1", 44, 44, 64);
    check_layer(model, 11, "max_pool_3", 5, 5, 256);
    fcl_model_free(model);
}
END_TEST

/* Keras' rules: valid floor((n - k) / s) + 1, same ceil(n / s) with the odd row of padding behind. */
START_TEST(shapes) {
    fcl_model *m =
        parse("layers = (\n"
              "{ type = \"conv\"; filters = 5; kernel = [4, 3]; stride = [3, 2]; },\n"
              "{ type = \"conv\"; filters = 6; kernel = 4; stride = 2; padding = \"same\"; name = \"mine\"; },\n"
              "{ type = \"average_pool\"; window = 3; padding = \"same\"; },\n"
              "{ type = \"conv\"; filters = 6; kernel = 1; },\n"
              "{ type = \"add\"; with = \"average_pool\"; activation = \"relu\"; },\n"
              "{ type = \"flatten\"; }, { type = \"dense\"; units = 30; } );\n");
    check_layer(m, 1, "conv", 31, 47, 5);
    check_layer(m, 2, "mine", 16, 24, 6);
    /* Rows: (16 - 1) * 2 + 4 - 31 = 3 of padding, one before; columns: 23 * 2 + 4 - 47 = 3. */
    ck_assert_int_eq(fcl_model_layer(m, 2)->conv.pad_top, 1);
    ck_assert_int_eq(fcl_model_layer(m, 2)->conv.pad_left, 1);
    check_layer(m, 3, "average_pool", 6, 8, 6);
    check_layer(m, 5, "add", 6, 8, 6);
    check_layer(m, 6, "flatten", 1, 1, 288);
    /* 4*3*5+5, 4*4*5*6+6, 6*6+6, 288*30+30 */
    ck_assert_uint_eq(fcl_model_n_parameters(m), 65 + 486 + 42 + 8670);
    fcl_model_free(m);
}
END_TEST

#define TAIL "{ type = \"flatten\"; }, { type = \"dense\"; units = 30; } );\n"

START_TEST(refused) {
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"layers = (\n{ type = \"conw\"; }," TAIL, "test:2: unknown layer type \"conw\""},
        {"layers = (\n\n{ type = \"conv\"; filters = 3; kernel = 3; strides = 2; }," TAIL,
         "test:3: unknown key 'strides'"},
        {"layers = (\n{ type = \"conv\"; kernel = 3; }," TAIL, "test:2: the key 'filters' is missing"},
        {"layers = (\n{ type = \"conv\"; filters = 0; kernel = 3; }," TAIL, "test:2: 'filters' must be a whole number"},
        {"layers = (\n{ type = \"conv\"; filters = 2.5; kernel = 3; }," TAIL,
         "test:2: 'filters' must be a whole number"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = [3]; }," TAIL,
         "test:2: 'kernel' must be [rows, columns]"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 97; }," TAIL, "test:2: 'kernel' must be"},
        {"layers = (\n{ type = \"max_pool\"; window = 64; },\n{ type = \"max_pool\"; window = 2; }," TAIL,
         "test:3: its input of 1x1 is smaller than the window of 2x2"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 3; padding = \"reflect\"; }," TAIL,
         "test:2: 'padding' must be one of"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 3; activation = \"swish\"; }," TAIL,
         "test:2: 'activation' must be one of"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 3; activation = \"leaky_relu\"; }," TAIL,
         "needs 'alpha'"},
        {"layers = (\n{ type = \"dropout\"; rate = 1.0; }," TAIL, "test:2: 'rate' must be a number"},
        {"layers = (\n{ type = \"dense\"; units = 30; } );\n", "test:2: a dense layer needs a flat input"},
        {"layers = (\n{ type = \"flatten\"; },\n{ type = \"dense\"; units = 29; } );\n",
         "test:3: the last layer gives 1x1x29"},
        {"layers = (\n{ type = \"flatten\"; from = \"nowhere\"; },{ type = \"dense\"; units = 30; } );\n",
         "test:2: 'from' must name a layer above"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 3; },\n{ type = \"flatten\"; from = \"input\"; },"
         "{ type = \"dense\"; units = 30; } );\n",
         "test:2: no later layer takes the output of \"conv\""},
        {"layers = (\n{ type = \"conv\"; filters = 1; kernel = 3; },\n{ type = \"add\"; with = \"input\"; }," TAIL,
         "test:3: \"conv\" gives 94x94x1 and \"input\" 96x96x1"},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 3; name = \"a\"; },"
         "{ type = \"conv\"; filters = 3; kernel = 3; name = \"a\"; }," TAIL,
         "another layer has the name \"a\""},
        {"layers = (\n{ type = \"conv\"; filters = 3; kernel = 3; name = \"../a\"; }," TAIL, "a layer's name"},
        {"speed = 3;\nlayers = (" TAIL, "test:1: unknown key 'speed'"},
        {"initializer = \"zeros\";\nlayers = (" TAIL, "test:1: 'initializer' must be one of"},
        {"name = \"x\";\n", "the key 'layers' is missing"},
        {"layers = ();\n", "'layers' must be a list"},
        {"layers = (\n{ type = ", "test:2: syntax error"},
        {"@include \"/etc/passwd\"\n", "test:1: @include is not possible"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        fcl_model *model = NULL;
        ck_fails(fcl_model_parse(&model, "test", cases[i].text), FCL_E_INPUT, cases[i].part);
        ck_assert_ptr_null(model);
    }
    fcl_model *model;
    ck_fails(fcl_model_load(&model, "modelv1"), FCL_E_USAGE, "base_model");
    ck_fails(fcl_model_load(&model, "/nowhere/m.cfg"), FCL_E_IO, "/nowhere/m.cfg");
}
END_TEST

/* A model's text gives the same model again. */
START_TEST(text_round_trip) {
    fcl_model *a = parse("layers = ( " TAIL), *b;
    ck_ok(fcl_model_parse(&b, "elsewhere.cfg", fcl_model_text(a)));
    ck_assert_str_eq(fcl_model_name(a), "test");
    ck_assert_str_eq(fcl_model_name(b), "test");
    fcl_model_free(a);
    fcl_model_free(b);
}
END_TEST

/* Glorot: uniform within sqrt(6 / (fan_in + fan_out)); He: normal with variance 2 / fan_in; biases zero. */
START_TEST(initial_weights) {
    static const char *const kinds[] = {"glorot_uniform", "he_normal"};
    for (int k = 0; k < 2; k++) {
        char text[256];
        snprintf(
            text, sizeof text,
            "initializer = \"%s\"; layers = ( { type = \"conv\"; filters = 64; kernel = [3, 5]; padding = \"same\"; }, "
            "{ type = \"max_pool\"; window = 32; }, " TAIL,
            kinds[k]);
        fcl_model *m = parse(text);
        fcl_tensors t, again;
        ck_ok(fcl_tensors_init(&t, m));
        ck_ok(fcl_tensors_init(&again, m));
        fcl_tensors_initialize(&t, 7);
        fcl_tensors_initialize(&again, 7);
        ck_assert_mem_eq(t.data, again.data, t.count * sizeof(float));
        /* conv: fan_in 15, fan_out 15 * 64; dense: 3*3*64 = 576 in, 30 out. */
        const double fan_in[2] = {15, 576}, fan_out[2] = {960, 30};
        for (unsigned i = 0; i < 2; i++) {
            const float *w = fcl_tensors_at(&t, 2 * i), *b = fcl_tensors_at(&t, 2 * i + 1);
            size_t n = fcl_model_tensor(m, 2 * i)->count;
            double sum = 0, squares = 0, largest = 0, limit = sqrt(6 / (fan_in[i] + fan_out[i]));
            for (size_t j = 0; j < n; j++) {
                sum += (double)w[j];
                squares += (double)w[j] * (double)w[j];
                largest = fmax(largest, fabs((double)w[j]));
            }
            double variance = k ? 2 / fan_in[i] : limit * limit / 3, sd = sqrt(variance);
            /* Five standard errors of the mean; of the variance with a kurtosis of at most 3. */
            ck_assert_double_eq_tol(sum / (double)n, 0, 5 * sd / sqrt((double)n));
            ck_assert_double_eq_tol(squares / (double)n, variance, 5 * variance * sqrt(2 / (double)n));
            if (!k) ck_assert_double_le(largest, limit * (1 + 1e-6));
            for (size_t j = 0; j < fcl_model_tensor(m, 2 * i + 1)->count; j++) ck_assert_float_eq(b[j], 0.0f);
        }
        fcl_tensors_dispose(&t);
        fcl_tensors_dispose(&again);
        fcl_model_free(m);
    }
}
END_TEST

int main(void) {
    Suite *suite = suite_create("model descriptions");
    TCase *t = tcase_create("all");
    tcase_add_test(t, shipped);
    tcase_add_test(t, shapes);
    tcase_add_test(t, refused);
    tcase_add_test(t, text_round_trip);
    tcase_add_test(t, initial_weights);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
