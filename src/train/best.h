/* best.safetensors: the weights of the epoch with the lowest validation loss, what prediction uses. */
#ifndef FCL_TRAIN_BEST_H
#define FCL_TRAIN_BEST_H

#include "net/weights.h"

/* `epoch` 0: weights from before the first epoch's end. Whole or not at all. */
fcl_status fcl_best_write(const char *path, fcl_tensors *weights, unsigned epoch);
/* The epoch of the weights in a file; 0 for one that does not exist, or does not say. */
fcl_status fcl_best_epoch(unsigned *out, const char *path);

#endif
