/* Keypoints files and Kaggle's competition files. */
#include "dataset/labels.h"

#include "base/text.h"
#include "dataset/fixture.h"

#include <stdlib.h>
#include <string.h>

START_TEST(keypoint_tables) {
    static const unsigned center[] = {10, 13, 14};
    ck_assert_str_eq(fcl_keypoint_name(0), "left_eye_center");
    ck_assert_str_eq(fcl_keypoint_name(14), "mouth_center_bottom_lip");
    ck_assert_str_eq(fcl_coordinate_name(21), "nose_tip_y");
    for (unsigned k = 0; k < FCL_N_KEYPOINTS; k++) {
        char expected[64], *name = fcl_duplicate(fcl_keypoint_name(k)), *left = strstr(name, "left");
        unsigned mirror = fcl_keypoint_mirror(k);
        ck_assert_uint_eq(fcl_keypoint_mirror(mirror), k);
        if (left) {
            snprintf(expected, sizeof expected, "%.*sright%s", (int)(left - name), name, left + 4);
            ck_assert_str_eq(fcl_keypoint_name(mirror), expected);
        }
        free(name);
    }
    for (int i = 0; i < 3; i++) ck_assert_uint_eq(fcl_keypoint_mirror(center[i]), center[i]);
}
END_TEST

START_TEST(columns_in_any_order) {
    char *folder = test_folder_create();
    fcl_text csv = FCL_TEXT_EMPTY;
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++)
        fcl_text_appendf(&csv, "\"%s\"%s", fcl_coordinate_name(29 - c), c < 29 ? "," : "\r\n");
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) fcl_text_appendf(&csv, "%u.5%s", 29 - c, c < 29 ? "," : "\r\n");
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) fcl_text_append(&csv, c < 29 ? "," : "\r\n");
    test_write_text(folder, "k.csv", fcl_text_get(&csv));
    fcl_labels labels;
    ck_ok(fcl_labels_load(&labels, in_folder(folder, "k.csv")));
    ck_assert_uint_eq(labels.n, 2);
    ck_assert_ptr_null(labels.pixels);
    for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
        ck_assert_float_eq(labels.keypoints[c], (float)c + 0.5f);
        ck_assert_uint_eq(labels.mask[c], 1);
        ck_assert_float_eq(labels.keypoints[30 + c], 0.0f);
        ck_assert_uint_eq(labels.mask[30 + c], 0);
    }
    fcl_labels_dispose(&labels);
    fcl_text_dispose(&csv);
    test_folder_remove(folder);
}
END_TEST

/* Fields are "50", so that field c of a row begins at column 3 c + 1. */
static const struct {
    size_t line;
    unsigned column;
    const char *text;
    const char *message;
} bad[] = {
    {1, 20, "nose_x", "column 'nose_x': this column is unknown"},
    {1, 20, "left_eye_center_x", "this name occurs twice"},
    {1, 20, "", "column '': this column is unknown"},
    {1, 20, "ImageId", "column 'ImageId': this column is unknown"},
    {2, 0, "word", "k.csv:2:1: column 'left_eye_center_x': 'word' is not a number"},
    {3, 1, "nan", "k.csv:3:4: column 'left_eye_center_y': 'nan' is not a number"},
    {3, 2, "1px", "k.csv:3:7: column 'right_eye_center_x': '1px' is not a number"},
    {2, 21, "", "k.csv:2:64: column 'nose_tip_y': empty, but nose_tip_x of the same keypoint is not"},
    {2, 20, "", "k.csv:2:61: column 'nose_tip_x': empty, but nose_tip_y"},
    {2, 20, "192.1", "k.csv:2:61: column 'nose_tip_x': 192.1 is far outside the frame"},
    {3, 20, "-96.5", "column 'nose_tip_x': -96.5 is far outside the frame"},
    {3, 29, "50,50", "k.csv:3:91: the row has 31 fields, the header has 30"},
    {3, 29, "50\"", "a quotation mark within a field"},
};

START_TEST(errors) {
    char *folder = test_folder_create(), *csv = changed_csv(3, bad[_i].line, bad[_i].column, bad[_i].text);
    fcl_labels labels;
    test_write_text(folder, "k.csv", csv);
    ck_fails(fcl_labels_load(&labels, in_folder(folder, "k.csv")), FCL_E_INPUT, bad[_i].message);
    free(csv);
    test_folder_remove(folder);
}
END_TEST

START_TEST(a_little_outside_is_kept) {
    char *folder = test_folder_create(), *csv = changed_csv(2, 3, 4, "-96");
    fcl_labels labels;
    test_write_text(folder, "k.csv", csv);
    ck_ok(fcl_labels_load(&labels, in_folder(folder, "k.csv")));
    ck_assert_float_eq(labels.keypoints[30 + 4], -96.0f);
    fcl_labels_dispose(&labels);
    free(csv);
    test_folder_remove(folder);
}
END_TEST

START_TEST(a_missing_column_and_no_rows) {
    char *folder = test_folder_create(), *csv = made_csv(0);
    fcl_labels labels;
    test_write_text(folder, "k.csv", "left_eye_center_x,left_eye_center_y\n1,2\n");
    ck_fails(fcl_labels_load(&labels, in_folder(folder, "k.csv")), FCL_E_INPUT,
             "the column 'right_eye_center_x' is missing; the file has: left_eye_center_x, left_eye_center_y");
    test_write_text(folder, "k.csv", csv);
    ck_fails(fcl_labels_load(&labels, in_folder(folder, "k.csv")), FCL_E_INPUT, "no row below the header");
    free(csv);
    test_folder_remove(folder);
}
END_TEST

/* n numbers of made_pixel(row), the one at `changed` replaced by `text`. */
static void append_image(fcl_text *csv, size_t row, size_t n, size_t changed, const char *text) {
    for (size_t p = 0; p < n; p++) {
        if (p) fcl_text_append(csv, " ");
        if (p == changed)
            fcl_text_append(csv, text);
        else
            fcl_text_appendf(csv, "%u", made_pixel(row, p / FCL_IMAGE_SIDE, p % FCL_IMAGE_SIDE));
    }
    fcl_text_append(csv, "\n");
}

START_TEST(competition_files) {
    char *folder = test_folder_create();
    fcl_text csv = FCL_TEXT_EMPTY;
    fcl_labels labels;
    fcl_text_append(&csv, "ImageId,Image\n");
    for (size_t row = 0; row < 2; row++) {
        fcl_text_appendf(&csv, "%zu,", row + 1);
        append_image(&csv, row, FCL_IMAGE_PIXELS, SIZE_MAX, NULL);
    }
    test_write_text(folder, "test.csv", fcl_text_get(&csv));
    ck_ok(fcl_labels_load(&labels, in_folder(folder, "test.csv")));
    ck_assert_uint_eq(labels.n, 2);
    ck_assert_ptr_null(labels.keypoints);
    for (size_t i = 0; i < 2 * FCL_IMAGE_PIXELS; i++) {
        size_t p = i % FCL_IMAGE_PIXELS;
        ck_assert_uint_eq(labels.pixels[i], made_pixel(i / FCL_IMAGE_PIXELS, p / FCL_IMAGE_SIDE, p % FCL_IMAGE_SIDE));
    }
    fcl_labels_dispose(&labels);
    fcl_text_dispose(&csv);
    test_folder_remove(folder);
}
END_TEST

START_TEST(bad_images) {
    static const struct {
        size_t n, changed;
        const char *text, *message;
    } cases[] = {
        {9215, SIZE_MAX, NULL, "t.csv:2:1: column 'Image': 9215 numbers; an image has 9216"},
        {9217, SIZE_MAX, NULL, "9217 numbers; an image has 9216"},
        {9216, 3, "256", "number 4 of the image, '256', is not a whole number 0..255"},
        {9216, 0, "-1", "number 1 of the image, '-1'"},
        {9216, 9215, "1.5", "number 9216 of the image, '1.5'"},
        {9216, 7, "99999999999999999999999", "number 8 of the image, '99999999999999999999'"},
        {0, SIZE_MAX, NULL, "no row below the header"},
    };
    char *folder = test_folder_create();
    fcl_text csv = FCL_TEXT_EMPTY;
    fcl_labels labels;
    fcl_text_append(&csv, "Image\n");
    append_image(&csv, 0, cases[_i].n, cases[_i].changed, cases[_i].text);
    test_write_text(folder, "t.csv", fcl_text_get(&csv));
    ck_fails(fcl_labels_load(&labels, in_folder(folder, "t.csv")), FCL_E_INPUT, cases[_i].message);
    fcl_text_dispose(&csv);
    test_folder_remove(folder);
}
END_TEST

int main(void) {
    Suite *suite = suite_create("labels");
    TCase *t = tcase_create("labels");
    tcase_add_test(t, keypoint_tables);
    tcase_add_test(t, columns_in_any_order);
    tcase_add_loop_test(t, errors, 0, sizeof bad / sizeof *bad);
    tcase_add_test(t, a_little_outside_is_kept);
    tcase_add_test(t, a_missing_column_and_no_rows);
    tcase_add_test(t, competition_files);
    tcase_add_loop_test(t, bad_images, 0, 7);
    suite_add_tcase(suite, t);
    return test_run(suite);
}
