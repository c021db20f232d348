/*
 * Data sets: face images with keypoints, some of which may be missing.
 *
 * Images are (n, 96, 96), row by row, gray 0..255. Keypoints are (n, 30) in Kaggle's names and order, pixels of the
 * 96x96 frame with x to the right and y down from the upper left corner; left and right are the subject's.
 */
#ifndef FIDUCL_DATASET_H
#define FIDUCL_DATASET_H

#include <stdint.h>

#include "fiducl/model.h"
#include "fiducl/status.h"

/* "left_eye_center", ... : the 15 keypoints in order; and "left_eye_center_x", ...: the 30 columns. Constant strings. */
FCL_API const char *fcl_keypoint_name(unsigned keypoint);
FCL_API const char *fcl_coordinate_name(unsigned coordinate);
/* The keypoint that is this one in a mirror image; center points are their own. */
FCL_API unsigned fcl_keypoint_mirror(unsigned keypoint);

/* A file that a data set was read from, and the hash of its bytes (XXH3, 128 bits). */
enum { FCL_DATASET_MAX_FILES = 2, FCL_DATASET_HASH_BYTES = 33 };
typedef struct fcl_dataset_file {
    char *path;
    char hash[FCL_DATASET_HASH_BYTES];
} fcl_dataset_file;

typedef struct fcl_dataset {
    size_t n;
    uint8_t *pixels;   /* (n, 96, 96), or NULL when pixels are not all whole numbers 0..255 and `pixels_f` holds them */
    float *pixels_f;   /* (n, 96, 96), or NULL */
    float *keypoints;  /* (n, 30); 0 where missing */
    uint8_t *mask;     /* (n, 30), 1 = labelled */
    uint32_t *rows;    /* (n): row of each sample in the raw files, counted from 0 */
    int has_keypoints; /* 0 for images alone: the mask is all 0 */
    char *source;      /* what to name in messages: folder or file */
    fcl_dataset_file files[FCL_DATASET_MAX_FILES];
    unsigned n_files; /* 0 for data that were made in memory */
} fcl_dataset;

FCL_API void fcl_dataset_free(fcl_dataset *dataset);
/* Pixels of sample i as float 0..255 into out (96*96). */
FCL_API void fcl_dataset_image(float *out, const fcl_dataset *dataset, size_t i);

/* Raw data. `folder`: holds one images file (face_images.npz or .npy, or a lone .npz/.npy) and one keypoints file
 * (facial_keypoints.csv or training.csv), or a Kaggle competition CSV with an Image column; `images` and `keypoints`
 * name the files instead (keypoints may be NULL for unlabelled images when `labels_optional`). */
typedef struct fcl_data_paths {
    const char *folder;
    const char *images;
    const char *keypoints;
    int labels_optional;
} fcl_data_paths;
FCL_API fcl_status fcl_dataset_load(fcl_dataset **out, const fcl_data_paths *paths);

typedef enum fcl_split { FCL_TRAIN, FCL_VALIDATION, FCL_TEST, FCL_N_SPLITS } fcl_split;
/* "train", "validation", "test" */
FCL_API const char *fcl_split_name(fcl_split split);

typedef struct fcl_prepare_options {
    size_t counts[FCL_N_SPLITS]; /* used when any is > 0: must not sum to more than there are rows */
    double shares[FCL_N_SPLITS]; /* else these, which sum to 1 */
    const char *group_file; /* CSV with a column `row` (optional) and `group_column`, or NULL for a split by rows */
    const char *group_column;
    uint64_t seed;
    int force;
} fcl_prepare_options;
/* 5639/705/705 of 7049 rows, else shares .8/.1/.1; no groups; seed 0. */
FCL_API fcl_prepare_options fcl_prepare_defaults(void);

/* Splits `dataset`, validates it and writes the prepared folder (docs/formats.md). */
FCL_API fcl_status fcl_prepare(const fcl_dataset *dataset, const fcl_prepare_options *options, const char *out_folder);
/* Fails where fcl_prepare would, but writes nothing: the split cannot be made, or `folder` (the output's or one above it),
 * which is to be replaced, holds an input. */
FCL_API fcl_status fcl_prepare_check(const fcl_dataset *dataset, const fcl_prepare_options *options,
                                     const char *folder);

/* A prepared folder: opened and its files held against the hashes of its manifest. */
typedef struct fcl_prepared fcl_prepared;
FCL_API fcl_status fcl_prepared_open(fcl_prepared **out, const char *folder);
FCL_API void fcl_prepared_free(fcl_prepared *prepared);
/* Loads on first use; lends. */
FCL_API fcl_status fcl_prepared_split(const fcl_dataset **out, fcl_prepared *prepared, fcl_split split);
/* The hash of the manifest, which has the hashes of all files; lends. */
FCL_API const char *fcl_prepared_hash(const fcl_prepared *prepared);
FCL_API int fcl_path_is_prepared(const char *folder);

/* How missing training labels are filled. FCL_FILL_NONE masks them; FCL_FILL_DROP leaves incomplete rows out. */
typedef enum fcl_fill {
    FCL_FILL_NONE,
    FCL_FILL_MEAN,
    FCL_FILL_MEDIAN,
    FCL_FILL_FORWARD,
    FCL_FILL_DROP,
    FCL_N_FILLS
} fcl_fill;
FCL_API const char *fcl_fill_name(fcl_fill fill);
FCL_API fcl_status fcl_fill_parse(fcl_fill *out, const char *name);

/* Deterministic synthetic faces in the Kaggle schema: `out_folder` gets face_images.npz (key face_images, uint8,
 * (96, 96, n)), facial_keypoints.csv (empty where missing) and facial_keypoints_complete.csv. */
typedef struct fcl_synth_options {
    size_t count;
    uint64_t seed;
    int complete; /* 1: no missing labels */
    int force;
} fcl_synth_options;
FCL_API fcl_status fcl_synth(const fcl_synth_options *options, const char *out_folder);
/* In memory; complete labels in keypoints, mask as the Kaggle set's pattern. */
FCL_API fcl_status fcl_synth_dataset(fcl_dataset **out, const fcl_synth_options *options);

/* Writes the analysis: CSV tables and figures. *figures is set to 0, with a warning, when gnuplot could not
 * draw them. */
FCL_API fcl_status fcl_analyze(const fcl_dataset *dataset, const char *out_folder, int *figures);

#endif
