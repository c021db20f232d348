/* Teams for tests: members with the same weights, on devices that may be the same one. */
#ifndef FCL_TEST_TRAIN_CREW_H
#define FCL_TEST_TRAIN_CREW_H

#include "net/weights.h"
#include "support/support.h"
#include "train/team.h"

enum {
    CREW_BATCH = 32,
    CREW_PIXELS = FCL_IMAGE_SIDE * FCL_IMAGE_SIDE,
    CREW_LABELS = FCL_N_COORDINATES,
    CREW_MAX_MEMBERS = 3
};

/* Of sums in another order, of a tensor's norm: docs/kernels.md. */
extern const double crew_tolerance;

/* Faces; some labels are missing. */
fcl_batch make_batch(size_t n);
void dispose_batch(fcl_batch *batch);

typedef struct crew {
    fcl_model *model;
    fcl_device *devices[CREW_MAX_MEMBERS];
    fcl_network *networks[CREW_MAX_MEMBERS];
    fcl_team *team;
    unsigned n;
} crew;

/* Shares as recorded, or without records as measured. All members are $FIDUCL_DEVICE, opened several times: contexts and queues
 * of their own. The model "small" is for what does not depend on the model, and for slow devices. */
crew make_crew(const char *model, const fcl_share_record *records, size_t n_records, unsigned n);
/* On the devices that these selectors (n) name; NULL: as above. */
crew make_crew_on(const char *const *selectors, const char *model, const fcl_share_record *records, size_t n_records,
                  unsigned n);
void free_crew(crew *c);
/* All with the same weights, or with zeros, and moments of 0. */
void begin_anew(const crew *c, int zero);

/* For fcl_tensors_dispose(). */
fcl_tensors read_arena(const crew *c, unsigned member, fcl_arena arena);
/* Loss and MAE of a step. */
void read_losses(double out[2], const crew *c, unsigned member, uint64_t step);

void check_equal(const crew *a, unsigned member_of_a, const crew *b, unsigned member_of_b, fcl_arena arena);
/* Each tensor within the tolerance; `who` got them is for messages. */
void check_gradients(const fcl_tensors *got, const fcl_tensors *wanted, const char *who);
/* Members have the same bits. */
void check_all_alike(const crew *c, uint64_t step);

/* Whether this driver cannot be called by several threads, which is said then. */
int has_one_thread_only(void);

#endif
