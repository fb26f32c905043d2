/*
 * Jobs: what is done to images while the guest runs. There is one kind, images that are made.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/vm/vm_disks.h"

#include <json-glib/json-glib.h>

struct vm_jobs;

struct vm_job_info {
    const char *id;
    const char *status; /* QEMU's JobStatus */
    const char *error;  /* NULL: none */
};

struct vm_jobs *vm_jobs_new(void);
/* What is under way is given up. Accepts NULL. */
void vm_jobs_free(struct vm_jobs *jobs);
/* Called at each change of a job's state; status is QEMU's JobStatus. */
void vm_jobs_set_handler(struct vm_jobs *jobs, void (*fn)(void *opaque, const char *id,
                                                          const char *status), void *opaque);
/*
 * Makes an image as QEMU's blockdev-create: options (copied) names one of nodes as its file. It goes on when
 * this returns.
 */
bool vm_jobs_create(struct vm_jobs *jobs, const char *id, JsonObject *options, const GPtrArray *nodes,
                    GError **error);
unsigned vm_jobs_count(const struct vm_jobs *jobs);
struct vm_job_info vm_jobs_info(const struct vm_jobs *jobs, unsigned i);
/* Forgets one that has ended. */
bool vm_jobs_dismiss(struct vm_jobs *jobs, const char *id, GError **error);
