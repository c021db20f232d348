/* Names in a prepared folder. */
#ifndef FCL_DATASET_PREPARED_H
#define FCL_DATASET_PREPARED_H

#define FCL_PREPARED_KIND     "prepared"
#define FCL_PREPARED_FORMAT   "fiducl prepared 1"
#define FCL_PREPARED_MANIFEST "manifest.json"

#endif
