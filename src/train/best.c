#include "train/best.h"

#include <limits.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/text.h"

static const char epoch_key[] = "epoch";

fcl_status fcl_best_write(const char *path, fcl_tensors *weights, unsigned epoch) {
    char *text = fcl_format("%u", epoch);
    if (!text) return FCL_E_MEMORY;
    const fcl_tensor_set set = {"", weights};
    const fcl_metadata metadata[] = {
        {"format", "fiducl weights 1"}, {"model", fcl_model_name(weights->model)}, {epoch_key, text}, {NULL, NULL}};
    fcl_status status = fcl_safetensors_write(path, &set, 1, metadata);
    free(text);
    return status;
}

fcl_status fcl_best_epoch(unsigned *out, const char *path) {
    char *text = NULL;
    size_t epoch;
    *out = 0;
    if (!fcl_path_exists(path)) return FCL_OK;
    fcl_status status = fcl_safetensors_metadata(&text, path, epoch_key);
    if (status != FCL_OK) return status;
    if (text && fcl_parse_size(&epoch, text) && epoch <= UINT_MAX) *out = (unsigned)epoch;
    free(text);
    return FCL_OK;
}
