/*
 * The ways into a qemu-storage-daemon, which no other process finds: they are in a directory of our own that is gone
 * when we are in. A socket with NBD behind it is made before the daemon runs; one for vhost-user it makes itself, as its
 * monitor takes no descriptors, in a directory that it is handed.
 *
 * Threads: the main loop's.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

struct qsd_doors {
    char *path;   /* the directory */
    int listener; /* for NBD */
    int nbd;      /* our connection to it: waits until it is accepted; the caller's, -1 when taken */
    int dir;      /* where the daemon makes the socket QSD_VHOST_SOCKET */
};
#define QSD_VHOST_SOCKET "s"

/* To be closed also when it fails. */
bool qsd_doors_open(struct qsd_doors *doors, GError **error);
/* A connection to that socket (the caller's), or -1. */
int qsd_doors_vhost(const struct qsd_doors *doors);
/* Nothing is left on the disk; closes what is still in there. */
void qsd_doors_close(struct qsd_doors *doors);
