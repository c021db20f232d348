/* Names of the 15 keypoints and 30 columns, in the order of the Kaggle file. */
#include "fiducl/dataset.h"

#include <assert.h>

/* X(name, index of the mirror keypoint) */
#define KEYPOINT_TABLE(X)                                                                                              \
    X("left_eye_center", 1)                                                                                            \
    X("right_eye_center", 0)                                                                                           \
    X("left_eye_inner_corner", 4)                                                                                      \
    X("left_eye_outer_corner", 5)                                                                                      \
    X("right_eye_inner_corner", 2)                                                                                     \
    X("right_eye_outer_corner", 3)                                                                                     \
    X("left_eyebrow_inner_end", 8)                                                                                     \
    X("left_eyebrow_outer_end", 9)                                                                                     \
    X("right_eyebrow_inner_end", 6)                                                                                    \
    X("right_eyebrow_outer_end", 7)                                                                                    \
    X("nose_tip", 10)                                                                                                  \
    X("mouth_left_corner", 12)                                                                                         \
    X("mouth_right_corner", 11)                                                                                        \
    X("mouth_center_top_lip", 13)                                                                                      \
    X("mouth_center_bottom_lip", 14)

static const char *const keypoint_names[FCL_N_KEYPOINTS] = {
#define KEYPOINT_NAME(name, mirror) name,
    KEYPOINT_TABLE(KEYPOINT_NAME)
#undef KEYPOINT_NAME
};

static const char *const coordinate_names[FCL_N_COORDINATES] = {
#define COORDINATE_NAMES(name, mirror) name "_x", name "_y",
    KEYPOINT_TABLE(COORDINATE_NAMES)
#undef COORDINATE_NAMES
};

static const unsigned char mirrors[FCL_N_KEYPOINTS] = {
#define KEYPOINT_MIRROR(name, mirror) mirror,
    KEYPOINT_TABLE(KEYPOINT_MIRROR)
#undef KEYPOINT_MIRROR
};

const char *fcl_keypoint_name(unsigned keypoint) {
    assert(keypoint < FCL_N_KEYPOINTS);
    return keypoint_names[keypoint];
}

const char *fcl_coordinate_name(unsigned coordinate) {
    assert(coordinate < FCL_N_COORDINATES);
    return coordinate_names[coordinate];
}

unsigned fcl_keypoint_mirror(unsigned keypoint) {
    assert(keypoint < FCL_N_KEYPOINTS);
    return mirrors[keypoint];
}
