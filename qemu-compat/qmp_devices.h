/* Devices by the names that QMP's users have for them. */
#pragma once

#include "qemu-compat/qmp_server.h"

/* What follows /machine/peripheral/ in an object's path, else the name as it is. */
char *qmp_device_id(const char *name);
/*
 * "qdev" of a disk's device, NULL when no device has it: the id, or for virtio disks the path of the
 * object that QEMU has below them, as libvirt finds its disks by that.
 */
char *qmp_disk_path(const struct disk_config *disk);
/* VM_EVENT_DEVICE_DELETED, VM_EVENT_TRAY as QMP's events. */
void qmp_io_error_event(struct qmp_server *server, const struct vm_disk_error *e);
void qmp_device_event(struct qmp_server *server, const struct vm_event *event);
