/*
 * Room for a guest's disk: a file, an LVM volume, or a whole device. It is described by one line of
 * text, which is known before anything is made, so that whoever notes it first can remove whatever
 * there is after a crash:
 *
 *     raw:PATH  qcow2:PATH  lvm:VG/LV  device:PATH
 */
#pragma once

#include "xenguest/disk/fill.h"

struct volume_host {
    const char *device; /* for a volume group that is not there yet; NULL or empty: files */
    const char *group;  /* the volume group */
    const char *dir;    /* where files are */
    bool qcow2;         /* files are qcow2, else sparse raw ones */
};

/*
 * What a disk for the guest would be; nothing is made. Fails when it is there already, or when the
 * device has something on it. Caller frees.
 */
char *volume_plan(const struct volume_host *host, const char *guest, const struct diskcfg *cfg,
                  GError **error);
/*
 * Makes it, and puts on it what cfg says. On errors what was made is removed again. host is needed
 * for a volume group that has to be made first, and then stays.
 */
bool volume_make(const char *spec, const struct volume_host *host, const struct diskcfg *cfg,
                 const struct disk_source *source, GError **error);
/* Also when it is half made or not there at all. A whole device stays as it is. */
bool volume_remove(const char *spec, GError **error);
/* The file or device, and "raw" or "qcow2". Caller frees the path. */
char *volume_path(const char *spec);
const char *volume_format(const char *spec);

/* What libblkid finds on a device ("ext4", "dos"...), or NULL with *ret_empty when there is
 * nothing. */
char *volume_probe(const char *path, bool *ret_empty, GError **error);
