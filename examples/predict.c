/*
 * Predicts keypoints with a trained run: what a program that uses libfiducl looks like.
 *
 *   cc predict.c $(pkg-config --cflags --libs fiducl) -o predict
 *   ./predict runs/base synth
 */
#include <stdio.h>
#include <stdlib.h>

#include <fiducl/dataset.h>
#include <fiducl/model.h>

static int fail(fcl_status status) {
    fprintf(stderr, "predict: %s\n", fcl_error_message());
    return fcl_status_exit_code(status);
}

int main(int argc, char **argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: predict RUN DATA\n");
        return 2;
    }
    enum { PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE };
    fcl_dataset *faces = NULL;
    fcl_device *device = NULL;
    fcl_predictor *predictor = NULL;
    float *image = malloc(PIXELS * sizeof *image), points[FCL_N_COORDINATES];
    fcl_status status = image ? FCL_OK : FCL_E_MEMORY;
    fcl_data_paths paths = {.folder = argv[2], .labels_optional = 1};

    if (status == FCL_OK) status = fcl_dataset_load(&faces, &paths);
    if (status == FCL_OK) status = fcl_device_open(&device, NULL, 0);
    if (status == FCL_OK) status = fcl_predictor_load(&predictor, device, argv[1]);
    for (size_t i = 0; status == FCL_OK && i < faces->n; i++) {
        fcl_dataset_image(image, faces, i);
        status = fcl_predictor_run(predictor, points, image, 1);
        if (status == FCL_OK)
            printf("%zu: left eye (%.1f, %.1f), right eye (%.1f, %.1f)\n", i, points[0], points[1], points[2],
                   points[3]);
    }

    int exit_code = status == FCL_OK ? 0 : fail(status);
    fcl_predictor_free(predictor);
    fcl_device_free(device);
    fcl_dataset_free(faces);
    free(image);
    return exit_code;
}
