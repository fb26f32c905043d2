/*
 * QEMU's command line, as far as it makes sense for a PV guest, to a struct vm_config. Pure but for
 * help texts, which are only noted here and printed by help.c.
 */
#pragma once

#include "xenner/config/vm_config.h"

#include <stdio.h>

enum front_help { HELP_NONE, HELP_OPTIONS, HELP_VERSION, HELP_ACCEL, HELP_MACHINE, HELP_CPU,
                  HELP_DEBUG, HELP_CHARDEV, HELP_DEVICE, HELP_NETDEV, HELP_TEXT };

/* What the command line asks of the program rather than of the guest. */
struct front_request {
    enum front_help help; /* the first that was asked for; then cfg is not complete */
    char *help_text;      /* of HELP_TEXT */
    bool daemonize;
    bool timestamps;      /* -msg timestamp=on */
    GPtrArray *warnings;  /* char *: harmless options that mean nothing here */
};

/*
 * On success *cfg is owned by the caller and validated (unless help is asked for). Errors are one
 * line, "-opt value: what", without the program's name.
 */
bool qemu_options_parse(int argc, char *const argv[], struct vm_config **ret_cfg,
                        struct front_request *ret_req, GError **error);
void front_request_clear(struct front_request *req);
/* -help; each option of the table once. */
void qemu_options_help(FILE *out);
/* -netdev help */
void qemu_netdevs_help(FILE *out);
/* -device help */
void qemu_devices_help(FILE *out);
