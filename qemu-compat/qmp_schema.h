/*
 * What QMP's commands take: tables made from qmp-schema.json, and the check of a command's arguments
 * against them, so that handlers see only what the schema promises.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <glib.h>
#include <json-glib/json-glib.h>

enum qmp_kind { QMP_STR, QMP_INT, QMP_SIZE, QMP_BOOL, QMP_NUMBER, QMP_ANY, QMP_NULL, QMP_ENUM,
                QMP_ARRAY, QMP_OBJECT, QMP_ALTERNATE };

struct qmp_type;

struct qmp_member {
    const char *name;
    const struct qmp_type *type;
    bool optional;
};

struct qmp_type {
    enum qmp_kind kind;
    const char *const *values;            /* enum */
    const struct qmp_type *element;       /* array */
    const struct qmp_type *const *choices; /* alternate; NULL-terminated */
    const struct qmp_member *members, *cases;
    size_t n_members, n_cases;
    const char *tag;                      /* the member that says which case's members are there, too */
};

struct qmp_schema_entry {
    const char *name;
    const struct qmp_type *args, *returns;
    bool oob;
    bool open; /* more members than the schema tells are let through: device_add's properties */
    unsigned rate_ms;     /* an event's: it is told once in that time; 0: always */
    const char *rate_key; /* for each value of that member; NULL: all in one */
};

extern const struct qmp_type qmp_types[];
extern const struct qmp_schema_entry qmp_schema_commands[], qmp_schema_events[]; /* sorted */
extern const size_t qmp_schema_n_commands, qmp_schema_n_events;
extern const char qmp_introspection[]; /* query-qmp-schema's answer, as JSON */

const struct qmp_schema_entry *qmp_schema_command(const char *name);
const struct qmp_schema_entry *qmp_schema_event(const char *name);
/* QEMU's words: "Parameter 'x' is missing". */
bool qmp_schema_check(const struct qmp_schema_entry *entry, JsonObject *args, GError **error);
/* The same for a whole value, for tests of what we answer. */
bool qmp_schema_check_value(const struct qmp_type *type, JsonNode *value, GError **error);
