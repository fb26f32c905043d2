/* A disk's limits in QEMU's words: those of -drive, of throttle-group objects, and of QMP's commands. */
#pragma once

#include "qemu-compat/keyval.h"
#include "xenner/config/disk_config.h"

/* throttling.bps-total= and so on, and their old names (bps=, iops_max=). */
bool limits_of_drive(struct keyval *kv, struct disk_limits *ret, GError **error);
/* A throttle-group's: x-bps-total= and limits.bps-total= and so on. Adds to *ret. */
bool limits_of_group(struct keyval *kv, struct disk_limits *ret, GError **error);
/* block_set_io_throttle's arguments. */
bool limits_from_json(JsonObject *args, struct disk_limits *ret, GError **error);
/* The members of BlockDeviceInfo. */
void limits_to_json(JsonObject *o, const struct disk_limits *limits);
/* ThrottleLimits, the property of a throttle-group; the caller's. */
JsonObject *limits_object(const struct disk_limits *limits);
