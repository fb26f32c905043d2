/*
 * An xl.cfg(5) configuration as xenner's command line. What xenner has no use for is
 * a warning; what would give the guest another machine than the configuration says is an error.
 */
#pragma once

#include "xenguest/lib/xlcfg.h"

#include <glib.h>
#include <stdbool.h>

enum xl_network {
    XL_NETWORK_BRIDGE, /* a tap on the vif's bridge */
    XL_NETWORK_USER,   /* libslirp: needs no bridge and no privileges */
    XL_NETWORK_NONE,   /* cards without a cable */
};

struct xl_host {
    const char *source; /* the configuration's name, for messages */
    const char *base;   /* what relative paths start from */
    const char *bridge; /* of vifs that name none */
    enum xl_network network;
};

struct xl_command {
    GPtrArray *argv;     /* char *, owned; without the program's name and a NULL at the end */
    GPtrArray *warnings; /* char *, owned: one line each */
    char *name;          /* NULL: the configuration has none */
    char *vnc_password;  /* to be set over QMP: until then nobody comes in. NULL: none */
};

/*
 * *ret is to be cleared either way. No file is opened. The console is left to the caller, as are
 * monitors and the process's options.
 */
bool xl_command(const struct xlcfg *cfg, const struct xl_host *host, struct xl_command *ret,
                GError **error);
void xl_command_clear(struct xl_command *cmd);
/* One line that a shell takes; caller frees. */
char *xl_command_text(const char *program, const GPtrArray *argv);
