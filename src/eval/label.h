/* What a model is called in tables and folders. */
#ifndef FCL_EVAL_LABEL_H
#define FCL_EVAL_LABEL_H

#include "base/error.h"

/* The name of a model that ships, or a file's name without folders and ".cfg"; for free(). */
fcl_status fcl_model_label(char **out, const char *name_or_path);

#endif
