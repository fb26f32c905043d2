/* One monitor: private to qmp_server.c and qmp_session.c. */
#pragma once

#include "qemu-compat/json_stream.h"
#include "qemu-compat/qmp_server.h"
#include "xenner/chardev/chardev.h"

struct qmp_session {
    struct qmp_server *server;
    struct vm *vm;
    struct chardev *chr;
    bool control, pretty;
    bool negotiated, oob;
    struct json_stream stream;
    GString *line;     /* of a person */
    GByteArray *out;   /* what the peer did not take yet */
    GHashTable *fds;   /* name -> int: getfd */
};

struct qmp_session *qmp_session_new(struct qmp_server *server, struct vm *vm, struct chardev *chr,
                                    const struct monitor_config *cfg);
void qmp_session_free(struct qmp_session *s);
/* One QMP message; node is borrowed. */
void qmp_session_send(struct qmp_session *s, JsonNode *node);
