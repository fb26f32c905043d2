/*
 * The handshake between a PV device's frontend in the guest and its backend here, over two
 * directories in xenstore (xen/io/xenbus.h): the same for every device. A device brings what it
 * does when the frontend is ready, and when it goes. Frontends come back: after a driver's reload,
 * a kexec, a crash kernel.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/host/xen_host.h"

#include <xen/io/xenbus.h>

struct xenbus_device;

struct xenbus_ops {
    const char *type; /* the directory's name: "console", "vbd", "vif" */
    /* The frontend has written its keys: read and check them, map, bind. On failure undo it all. */
    bool (*connect)(void *opaque, GError **error);
    /* Undo connect(). The frontend's rings may be broken or gone. */
    void (*disconnect)(void *opaque);
};

struct xenbus_node {
    const char *name, *value;
};

/*
 * The toolstack's part: makes the two directories of a new device with the nodes that every device
 * has and front and back (both end with a NULL name), for the guest to read. On a host with Xen its
 * toolstack does that.
 */
bool xenbus_offer(struct xen_host *host, const char *type, unsigned devid,
                  const struct xenbus_node *front, const struct xenbus_node *back, GError **error);

/* The backend's part, on directories that exist. ops and opaque are borrowed. */
struct xenbus_device *xenbus_device_new(struct xen_host *host, unsigned devid,
                                        const struct xenbus_ops *ops, void *opaque, GError **error);
/* Disconnects. Accepts NULL. */
void xenbus_device_free(struct xenbus_device *dev);

/*
 * Asks the guest to let go of the device. gone is called from the main loop once it has (at once when no
 * driver ever came), and the directories are gone, too; then it is to be freed. force: as if it had.
 */
void xenbus_device_unplug(struct xenbus_device *dev, bool force, void (*gone)(void *opaque),
                          void *opaque);

/* The frontend broke its rings: disconnects, and tells it to close. It may start again. */
void xenbus_device_fail(struct xenbus_device *dev);

/* A key of the frontend's directory. */
char *xenbus_read(struct xenbus_device *dev, const char *key, GError **error);
/* The same as a decimal number, at most max. */
bool xenbus_read_number(struct xenbus_device *dev, const char *key, uint64_t max, uint64_t *ret,
                        GError **error);

/* A key of the backend's directory, which the frontend reads. */
bool xenbus_write(struct xenbus_device *dev, const char *key, const char *value, GError **error);
/* A connected frontend is told to look at the backend's keys again. Else nothing. */
void xenbus_touch(struct xenbus_device *dev);

/* What a backend in state `backend` does when it finds its frontend in state `frontend`. Pure. */
enum xenbus_action { XENBUS_STAY, XENBUS_GO, XENBUS_CONNECT, XENBUS_DISCONNECT };
struct xenbus_decision {
    enum xenbus_action action; /* before the state changes; STAY: nothing at all */
    XenbusState state;         /* the next */
};
struct xenbus_decision xenbus_decide(XenbusState backend, XenbusState frontend);
