/* A small client of QMP: connect, ask, wait for the answer. Blocks, up to a limit. Threads: any
 * one. */
#pragma once

#include "xenguest/lib/auto.h"

#include <json-glib/json-glib.h>
#include <stdbool.h>

struct qmp_client;

/* Connects to a Unix socket and negotiates. */
struct qmp_client *qmp_client_open(const char *path, GError **error);
void qmp_client_close(struct qmp_client *c);
static inline void qmp_client_free(struct qmp_client *c)
{
    qmp_client_close(c);
}
DEFINE_AUTO(qmp_client)
/*
 * args may be NULL, and is taken. The answer's "return" goes to ret (may be NULL), owned. Error:
 * QMP's own text, or the connection is gone.
 */
bool qmp_client_do(struct qmp_client *c, const char *command, JsonObject *args, JsonNode **ret,
                   GError **error);
