#include "qemu-compat/qmp_events.h"

struct qmp_events {
    void (*send)(void *opaque, JsonNode *message);
    void *opaque;
    GHashTable *periods; /* event, and what it is of -> struct period */
};

/* From the moment an event was told until it may be told again. */
struct period {
    struct qmp_events *events;
    char *key;        /* in the table */
    JsonNode *latest; /* what is told at the end, or NULL */
    guint timer;
};

static void period_free(void *opaque)
{
    struct period *p = opaque;

    if (p->timer)
        g_source_remove(p->timer);
    g_clear_pointer(&p->latest, json_node_unref);
    g_free(p->key);
    g_free(p);
}

struct qmp_events *qmp_events_new(void (*send)(void *opaque, JsonNode *message), void *opaque)
{
    struct qmp_events *e = g_new0(struct qmp_events, 1);

    e->send = send;
    e->opaque = opaque;
    e->periods = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, period_free);
    return e;
}

void qmp_events_free(struct qmp_events *e)
{
    if (!e)
        return;
    g_hash_table_unref(e->periods);
    g_free(e);
}

/* It says when it happened, not when it was told. */
static JsonNode *message(const char *name, JsonObject *data)
{
    JsonNode *node = json_node_new(JSON_NODE_OBJECT);
    JsonObject *top = json_object_new(), *stamp = json_object_new();
    gint64 now = g_get_real_time();

    json_object_set_int_member(stamp, "seconds", now / G_USEC_PER_SEC);
    json_object_set_int_member(stamp, "microseconds", now % G_USEC_PER_SEC);
    json_object_set_object_member(top, "timestamp", stamp);
    json_object_set_string_member(top, "event", name);
    if (data)
        json_object_set_object_member(top, "data", data);
    json_node_take_object(node, top);
    return node;
}

/* Another period when there was something to tell. */
static gboolean on_period(gpointer data)
{
    struct period *p = data;
    g_autoptr(JsonNode) latest = g_steal_pointer(&p->latest);

    if (latest) {
        p->events->send(p->events->opaque, latest);
        return G_SOURCE_CONTINUE;
    }
    p->timer = 0;
    g_hash_table_remove(p->events->periods, p->key);
    return G_SOURCE_REMOVE;
}

static void begin_period(struct qmp_events *e, const char *key, unsigned ms)
{
    struct period *p = g_new0(struct period, 1);

    p->events = e;
    p->key = g_strdup(key);
    p->timer = g_timeout_add(ms, on_period, p);
    g_hash_table_insert(e->periods, p->key, p);
}

void qmp_events_tell(struct qmp_events *e, const char *name, JsonObject *data)
{
    const struct qmp_schema_entry *entry = qmp_schema_event(name);

    g_assert(entry);
    /* those of several devices do not hide each other */
    const char *of = data && entry->rate_key
                         ? json_object_get_string_member_with_default(data, entry->rate_key, "") : "";
    g_autofree char *key = g_strconcat(name, " ", of, NULL);
    g_autoptr(JsonNode) node = message(name, data);
    struct period *p = entry->rate_ms ? g_hash_table_lookup(e->periods, key) : NULL;

    if (p) {
        g_clear_pointer(&p->latest, json_node_unref);
        p->latest = g_steal_pointer(&node);
        return;
    }
    if (entry->rate_ms)
        begin_period(e, key, entry->rate_ms);
    e->send(e->opaque, node);
}
