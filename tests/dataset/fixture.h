/* Small data sets and files for the tests of this layer. */
#ifndef FCL_TESTS_DATASET_FIXTURE_H
#define FCL_TESTS_DATASET_FIXTURE_H

#include "dataset/dataset.h"
#include "support/support.h"

/* (40 row + 2 y + x) mod 256: every row has another image, and y and x cannot be exchanged unnoticed. */
unsigned made_pixel(size_t row, size_t y, size_t x);
/* n images of made_pixel; coordinate c of row i is 20 + c + i / 4, all labelled. */
fcl_dataset *made_dataset(size_t n);
/* Takes the label of one coordinate away. */
void unlabel(fcl_dataset *dataset, size_t row, unsigned coordinate);

/* "FOLDER/NAME", valid until the next call but seven. */
const char *in_folder(const char *folder, const char *name);
/* A file of tests/golden/images. */
const char *golden_image(const char *name);

/* A keypoints file of n rows in which every field is "50". */
char *made_csv(size_t n);
/* The same with the text of one field (line 1 is the header) replaced; for free(). */
char *changed_csv(size_t n, size_t line, unsigned column, const char *text);

#endif
