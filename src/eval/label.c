#include "eval/label.h"

#include <string.h>

#include "base/text.h"

fcl_status fcl_model_label(char **out, const char *name_or_path) {
    static const char suffix[] = ".cfg";
    const char *name = fcl_basename(name_or_path);
    size_t length = strlen(name);
    if (fcl_ends_with(name, suffix)) length -= strlen(suffix);
    char *label = fcl_format("%.*s", (int)length, name);
    if (!label) return FCL_E_MEMORY;
    *out = label;
    return FCL_OK;
}
