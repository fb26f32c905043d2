/* The monitor for people: what hmp.c's table names. */
#pragma once

#include "qemu-compat/qmp_handlers.h"

/* Appends what it has to say; args is what follows the command's words, trimmed. */
typedef void hmp_fn(struct qmp_call *call, const char *args, GString *out);

struct hmp_command {
    const char *name, *help;
    hmp_fn *run;
};

/*
 * A QMP command whose answer does not matter; takes args, which are checked against the schema as a
 * program's. Errors are printed; false then.
 */
bool hmp_simple(struct qmp_call *call, const char *name, JsonObject *args, GString *out);

/* hmp_display.c: the screen, keys, the pointer, VNC */
hmp_fn hmp_screendump, hmp_sendkey, hmp_mouse_move, hmp_mouse_button, hmp_mouse_set, hmp_change,
    hmp_set_password, hmp_expire_password, hmp_info_vnc, hmp_info_mice;
