/*
 * What a domain is built from when that is not a file of the host's: whoever finds it is asked at each start and
 * reboot, as the guest may have changed it.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct boot_images {
    int kernel_fd, initrd_fd; /* regular files, read from their beginning; 0: none */
    char *kernel;             /* its name, for messages */
    char *cmdline;
};

struct boot_source {
    /*
     * title: NULL for what the guest starts by default; else the one entry of its boot menu with that title, and
     * only when there is no doubt of what the boot loader would do with it. *ret is the caller's, for
     * boot_images_clear().
     */
    bool (*get)(void *opaque, const char *title, struct boot_images *ret, GError **error);
    void *opaque;
    /* The guest's disks are others: get() fails from now on, and nothing stays open for it. */
    void (*forget)(void *opaque);
};

/* Accepts a zeroed one, and leaves one behind. */
void boot_images_clear(struct boot_images *images);
