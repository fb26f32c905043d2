/*
 * QMP's events on their way to the monitors. Those that could come by the hundred are told once in a while:
 * the schema says how often. The first is told at once, of those that follow within the period the last,
 * at its end.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "qemu-compat/qmp_schema.h"

struct qmp_events;

/* send is called with each message that is due; it borrows the node. */
struct qmp_events *qmp_events_new(void (*send)(void *opaque, JsonNode *message), void *opaque);
/* What waits for its time is dropped. Accepts NULL. */
void qmp_events_free(struct qmp_events *events);
/* It happens now. name is the schema's; data (may be NULL) is taken. */
void qmp_events_tell(struct qmp_events *events, const char *name, JsonObject *data);
