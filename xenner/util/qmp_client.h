/*
 * The other side of QMP: of QEMU's programs that run for us, and of xenner itself. Asks, and waits for the
 * answer, up to a limit.
 *
 * Threads: one at a time.
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct qmp_client;

/*
 * On a connected socket, which is taken. The negotiation is made with the first command: the other side
 * may take its time until then. name is for messages ("qemu-storage-daemon").
 */
struct qmp_client *qmp_client_new(int fd, const char *name);
/* Connects to a Unix socket and negotiates. */
struct qmp_client *qmp_client_connect(const char *path, GError **error);
/* Accepts NULL. */
void qmp_client_free(struct qmp_client *c);
/*
 * args may be NULL, and is taken. fd goes along as SCM_RIGHTS, and is borrowed; -1: none. The answer's
 * "return" goes to ret (may be NULL), owned. Error: QMP's own text, or the connection is gone.
 */
bool qmp_client_do(struct qmp_client *c, const char *command, JsonObject *args, int fd, JsonNode **ret,
                   GError **error);
/* data may be NULL. Called from qmp_client_do() and qmp_client_poll(); it must not call either. */
void qmp_client_set_events(struct qmp_client *c, void (*fn)(void *opaque, const char *event,
                                                           JsonObject *data), void *opaque);
/*
 * Takes what is there, or comes within that time (poll()'s); false: the other side has closed. The
 * descriptor is for main loops to wait with.
 */
bool qmp_client_poll(struct qmp_client *c, int timeout_ms);
int qmp_client_fd(const struct qmp_client *c);
