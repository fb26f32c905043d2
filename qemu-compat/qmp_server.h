/*
 * Monitors: sessions of QMP and of the commands for people, one a chardev, any number of them. The
 * server cuts the input, negotiates, checks arguments against the schema, calls handlers, echoes ids
 * and tells events. Handlers know nothing of sessions but the descriptors that came over them.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "qemu-compat/qmp_schema.h"
#include "xenner/vm/vm.h"

struct qmp_server;
struct qmp_session;

/* QEMU's error classes, as codes of a GError domain; other domains' errors are GenericError. */
#define QMP_ERROR (qmp_error_quark())
GQuark qmp_error_quark(void);
enum qmp_error_class { QMP_GENERIC_ERROR, QMP_COMMAND_NOT_FOUND, QMP_DEVICE_NOT_ACTIVE,
                       QMP_DEVICE_NOT_FOUND, QMP_KVM_MISSING_CAP };

struct qmp_call {
    struct vm *vm;
    struct qmp_server *server;
    struct qmp_session *session; /* NULL: a command for people */
};

enum { QMP_ANYTIME = 1 << 0, /* also before the negotiation, and only then */
       QMP_OOB_OK = 1 << 1 };

struct qmp_command {
    const char *name;
    /* args are checked against the schema. Returns the answer, NULL with error; qmp_empty() for none. */
    JsonNode *(*run)(struct qmp_call *call, JsonObject *args, GError **error);
    unsigned flags;
};

/* The table, sorted by name, and the one row of it. */
extern const struct qmp_command qmp_commands[];
extern const size_t qmp_n_commands;
const struct qmp_command *qmp_find_command(const char *name);

/* Takes the chardevs of the VM's monitors. Lives no longer than vm. */
struct qmp_server *qmp_server_new(struct vm *vm);
/* Flushes what goes without waiting. Accepts NULL. */
void qmp_server_free(struct qmp_server *server);
/* To every session that has negotiated, as often as the schema says; data (may be NULL) is taken. */
void qmp_server_event(struct qmp_server *server, const char *name, JsonObject *data);
/* The objects there are (struct object_config *). */
GPtrArray *qmp_server_objects(struct qmp_server *server);
/* What is done meanwhile. */
struct vm_jobs *qmp_server_jobs(struct qmp_server *server);
/* The lists of descriptors that all sessions share. */
struct fdsets *qmp_server_fdsets(struct qmp_server *server);

/* The oldest descriptor that came over the session's socket, now the caller's; -1: none. */
int qmp_session_take_fd(struct qmp_session *session);
/* getfd: name is replaced when it is there. closefd: false when it is not. */
void qmp_session_keep_fd(struct qmp_session *session, const char *name, int fd);
/* What getfd kept, now the caller's; -1, with error: there is none. */
int qmp_session_steal_fd(struct qmp_session *session, const char *name, GError **error);
bool qmp_session_close_fd(struct qmp_session *session, const char *name);

/* A descriptor of getfd, now the caller's; -1: there is none of that name, or no session. */
int qmp_session_named_fd(struct qmp_session *session, const char *name);

/* After qmp_capabilities. */
void qmp_session_negotiate(struct qmp_session *session, bool oob);

/* {}, which is what a command without an answer returns. */
JsonNode *qmp_empty(void);
JsonNode *qmp_version(void);
/* Our own text, which is valid JSON. */
JsonNode *qmp_literal(const char *json);
/* Nodes of what is taken. */
JsonNode *qmp_object(JsonObject *object);
JsonNode *qmp_array(JsonArray *array);

/* A command for people, and what it prints: lines that end in \r\n. NULL: an empty line. */
char *hmp_run(struct qmp_call *call, const char *line);
