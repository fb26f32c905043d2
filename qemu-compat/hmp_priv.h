/* Between hmp.c, which finds commands, and the files that have them. */
#pragma once

#include "qemu-compat/qmp_handlers.h"

/* Appends what it has to say; args is what follows the command's words, trimmed. */
typedef void hmp_fn(struct qmp_call *call, const char *args, GString *out);

/* Runs a QMP command without an answer that matters; args are taken. */
void hmp_simple(struct qmp_call *call, const char *name, JsonObject *args, GString *out);
/* Splits a word off; *rest is what follows, without the spaces between. */
char *hmp_first_word(const char *text, const char **rest);

/* hmp_devices.c */
hmp_fn hmp_device_add, hmp_device_del, hmp_drive_add, hmp_drive_del, hmp_netdev_add, hmp_netdev_del,
    hmp_set_link, hmp_eject, hmp_change, hmp_block_resize, hmp_info_block, hmp_info_blockstats,
    hmp_info_network;
