/*
 * Where things are and how guests are made: the built-in defaults, then xenguest-manager.conf, then
 * the environment. All paths but devices lie below a root directory, "" unless one is given.
 */
#pragma once

#include "xenguest/disk/volume.h"
#include "xenguest/lib/auto.h"
#include "xenguest/xl/xl_command.h"

struct settings {
    char *images; /* XENGUEST_GUEST_DIR: where xenguest-init looks for images */
    char *guests; /* a directory a guest */
    char *disks;  /* XENGUEST_DISK_DIR */
    char *logs, *run;
    char *device;            /* XENGUEST_VOLUME_DEVICE; empty: none */
    char *group;             /* XENGUEST_VOLUME_NAME */
    bool qcow2;              /* XENGUEST_DISK_FORMAT */
    bool no_device;          /* images whose disk.cfg names a device are refused */
    char *bridge;            /* XENGUEST_BRIDGE */
    enum xl_network network; /* XENGUEST_NETWORK */
    char
        *signer; /* XENGUEST_SIGNED_BY: a file with minisign's public key; NULL: images need none */
    unsigned stop_timeout; /* XENGUEST_STOP_TIMEOUT: seconds */
    int log_level;         /* XENGUEST_LOG_LEVEL: 0 errors and warnings, 1 -v, 2 -vv */
    char *xenner;          /* XENGUEST_XENNER: the program */
};

/* root: NULL is XENGUEST_ROOT of the environment, or "". One-line errors. */
struct settings *settings_load(const char *root, GError **error);
void settings_free(struct settings *s);
DEFINE_AUTO(settings)
struct volume_host settings_volume_host(const struct settings *s);
