/* What the environment says about how this process was started. */
#ifndef FCL_RANKS_LAUNCH_H
#define FCL_RANKS_LAUNCH_H

typedef struct fcl_launch {
    const char *variable; /* that says so; NULL: started alone */
    unsigned n_processes; /* 0: not known */
} fcl_launch;
fcl_launch fcl_launch_read(void);

#endif
