/*
 * A qemu-storage-daemon of our own, which knows the formats that we do not: its process and its monitor. It
 * dies with us.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/backend/qsd_doors.h"

#include <glib.h>
#include <json-glib/json-glib.h>
#include <stdbool.h>

struct qsd;

/* By what name it makes a socket for vhost-user. */
#define QSD_VHOST_PATH "/proc/self/fd/5/" QSD_VHOST_SOCKET

/*
 * label: what it is for, in messages. doors: how we get in, borrowed; NULL: it serves nothing.
 * It has the rights that we will have once we are confined: it can't be handed open files, nor give up
 * rights once it has opened them.
 */
struct qsd *qsd_new(const char *label, const struct qsd_doors *doors, GError **error);
/* Waits for it to end. Accepts NULL; a GDestroyNotify. */
void qsd_free(void *qsd);
/* A command of its monitor; args (may be NULL) is taken, ret (may be NULL) is the caller's. QEMU's words. */
bool qsd_do(struct qsd *q, const char *command, JsonObject *args, JsonNode **ret, GError **error);
/*
 * What its monitor tells, from the main loop, qsd_do() and qsd_wait(); data may be NULL. event is NULL when
 * the process is gone.
 */
void qsd_set_events(struct qsd *q, void (*fn)(void *opaque, const char *event, JsonObject *data),
                    void *opaque);
/* Until it tells something; false: it is gone. */
bool qsd_wait(struct qsd *q);
