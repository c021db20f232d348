#include "base/embedded.h"

#include <string.h>

const fcl_embedded *fcl_embedded_find(const fcl_embedded *table, const char *name) {
    for (; table->name; table++)
        if (strcmp(table->name, name) == 0) return table;
    return NULL;
}
