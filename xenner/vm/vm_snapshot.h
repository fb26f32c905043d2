/*
 * External snapshots: from now on the guest writes to an overlay, and what it had is below that. All disks of a
 * call get theirs, or none does; the guest's requests wait meanwhile.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/vm/vm_disks.h"

struct vm_snapshot_request {
    const char *disk;      /* device, drive or node */
    const char *overlay;   /* a node that is there, over nothing yet; NULL: a file, which is: */
    const char *file;
    const char *format;    /* NULL: qcow2 */
    const char *node_name; /* of the overlay, when the disk is a node; NULL: some name */
    bool existing;         /* the file is there, else it is made */
};

/* One-line errors in QEMU's words. */
bool vm_disks_snapshot(struct vm_disks *disks, const struct vm_snapshot_request *requests, unsigned n,
                       GError **error);
