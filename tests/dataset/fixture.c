#include "dataset/fixture.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

unsigned made_pixel(size_t row, size_t y, size_t x) {
    return (unsigned)((40 * row + 2 * y + x) % 256);
}

fcl_dataset *made_dataset(size_t n) {
    fcl_dataset *d = NULL;
    ck_ok(fcl_dataset_create(&d, n, "made"));
    ck_ok(FCL_NEW(&d->pixels, n * FCL_IMAGE_PIXELS, "pixels"));
    ck_ok(FCL_NEW(&d->keypoints, n * FCL_N_COORDINATES, "keypoints"));
    ck_ok(FCL_NEW(&d->mask, n * FCL_N_COORDINATES, "mask"));
    d->has_keypoints = 1;
    for (size_t i = 0; i < n; i++) {
        for (size_t p = 0; p < FCL_IMAGE_PIXELS; p++)
            d->pixels[i * FCL_IMAGE_PIXELS + p] = (uint8_t)made_pixel(i, p / FCL_IMAGE_SIDE, p % FCL_IMAGE_SIDE);
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
            d->keypoints[i * FCL_N_COORDINATES + c] = 20.0f + (float)c + (float)i / 4.0f;
            d->mask[i * FCL_N_COORDINATES + c] = 1;
        }
    }
    return d;
}

void unlabel(fcl_dataset *dataset, size_t row, unsigned coordinate) {
    dataset->keypoints[row * FCL_N_COORDINATES + coordinate] = 0.0f;
    dataset->mask[row * FCL_N_COORDINATES + coordinate] = 0;
}

const char *in_folder(const char *folder, const char *name) {
    static char *paths[8];
    static unsigned next;
    char **path = &paths[next++ % 8];
    free(*path);
    *path = fcl_path_join(folder, name);
    ck_assert_ptr_nonnull(*path);
    return *path;
}

const char *golden_image(const char *name) {
    return in_folder(FCL_TEST_GOLDEN_DIR "/images", name);
}

char *changed_csv(size_t n, size_t line, unsigned column, const char *text) {
    fcl_text csv = FCL_TEXT_EMPTY;
    for (size_t l = 1; l <= n + 1; l++)
        for (unsigned c = 0; c < FCL_N_COORDINATES; c++) {
            const char *field = l == 1 ? fcl_coordinate_name(c) : "50";
            if (l == line && c == column) field = text;
            fcl_text_appendf(&csv, "%s%s", field, c + 1 < FCL_N_COORDINATES ? "," : "\n");
        }
    ck_ok(fcl_text_status(&csv));
    return csv.data;
}

char *made_csv(size_t n) {
    return changed_csv(n, 0, 0, NULL);
}
