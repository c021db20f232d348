/* What PoCL needs to be told through the environment: PoCL 3.1 lists no device at all when it cannot write its own cache folder,
 * as in containers without a home; and it compiles each kernel again for the size of its first launch, which doubles the
 * time of a first start and makes no kernel here faster. */
#include "base/cache.h"
#include "base/file.h"
#include "base/log.h"
#include "base/process.h"
#include "base/text.h"
#include "device/cache.h"
#include "device/internal.h"

#include <stdlib.h>
#include <string.h>

/* Where PoCL keeps its kernels when POCL_CACHE_DIR does not say; for free(). */
static char *default_folder(void) {
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && *xdg) return fcl_path_join(xdg, "pocl/kcache");
    if (home && *home) return fcl_path_join(home, ".cache/pocl/kcache");
    return fcl_duplicate("/tmp/pocl/kcache");
}

/* Whether the folder is there, or can be made, and can be written. */
static int is_creatable(const char *path) {
    char *nearest = fcl_duplicate(path);
    if (!nearest) return 0;
    while (!fcl_path_exists(nearest)) {
        char *slash = strrchr(nearest, '/');
        if (!slash) {
            strcpy(nearest, ".");
            break;
        }
        slash[slash == nearest] = '\0';
    }
    int yes = fcl_path_is_folder(nearest) && fcl_path_is_writable(nearest);
    free(nearest);
    return yes;
}

void fcl_pocl_prepare(void) {
    static const char specialization[] = "POCL_WORK_GROUP_SPECIALIZATION";
    if (!getenv(specialization)) fcl_environment_set(specialization, "0");
    const char *chosen = getenv("POCL_CACHE_DIR");
    if (chosen && *chosen) return;
    char *own = default_folder(), *cache = NULL, *folder = NULL;
    if (own && !is_creatable(own)) {
        if (fcl_cache_folder(&cache) == FCL_OK) folder = fcl_path_join(cache, FCL_CACHE_POCL);
        if (!folder || !is_creatable(folder) || fcl_folder_create(folder) != FCL_OK) {
            free(folder);
            folder = NULL;
            if (fcl_folder_temporary(&folder) == FCL_OK)
                fcl_log(FCL_LOG_INFO, "no cache folder can be written, so that kernels are compiled at each start: set "
                                      "FIDUCL_CACHE_DIR to a folder for them");
        }
        if (folder) {
            fcl_environment_set("POCL_CACHE_DIR", folder);
            fcl_log(FCL_LOG_DEBUG, "PoCL cannot write '%s' and uses '%s' instead", own, folder);
        }
    }
    free(folder);
    free(cache);
    free(own);
}
