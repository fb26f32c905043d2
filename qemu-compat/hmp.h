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

/* hmp_info.c: what there is */
hmp_fn hmp_info_qtree, hmp_info_iothreads, hmp_info_memory_size, hmp_info_hotpluggable_cpus, hmp_info_jobs,
    hmp_info_migrate;

/* Splits a word off; *rest is what follows, without the spaces between. */
char *hmp_first_word(const char *text, const char **rest);
/* hmp_devices.c: disks and networks */
hmp_fn hmp_device_add, hmp_device_del, hmp_drive_add, hmp_drive_del, hmp_netdev_add, hmp_netdev_del,
    hmp_set_link, hmp_eject, hmp_change_medium, hmp_block_resize, hmp_info_block, hmp_info_blockstats,
    hmp_info_network;
