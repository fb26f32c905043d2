/* Between boot_direct.c and the process that it forks. */
#pragma once

#include "xenner/bootdisk/boot_confine.h"
#include "xenner/util/privileges.h"

#define BOOT_DIRECT_SECONDS 30 /* of the CPU's time, for one request */

enum { BOOT_DIRECT_FILES = 2, BOOT_DIRECT_MAX_TITLE = 255 };

/* One packet, all of it, with two files to write to (SCM_RIGHTS): the kernel and the initrd. */
struct boot_direct_request {
    uint8_t number;
    uint8_t titled; /* 1: the entry with that title; 0: what is started by default */
    char title[BOOT_DIRECT_MAX_TITLE + 1];
};

enum boot_direct_outcome { BOOT_DIRECT_FAILED, BOOT_DIRECT_LOADED, BOOT_DIRECT_LOADED_INITRD };

/* The answer: one packet, of as much text as there is. */
struct boot_direct_answer {
    uint8_t request; /* its number; an answer to another one is late */
    int32_t outcome;
    char text[8192]; /* the reason; or the kernel's path, a NUL, and the command line */
};

/* Serves requests until the other end of sock is closed or parent ends. */
void G_GNUC_NORETURN boot_direct_serve(int sock, struct disk_reader *disks, unsigned n,
                                       const struct privileges *user, pid_t parent);
