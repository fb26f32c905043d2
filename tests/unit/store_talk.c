#include "store_talk.h"

#include <stdlib.h>
#include <string.h>

static const char *type_name(uint32_t type)
{
    return type == XS_ERROR ? "ERROR " : type == XS_WATCH_EVENT ? "EVENT " : "";
}

static void on_send(void *opaque, const struct xsd_sockmsg *header, const void *payload)
{
    GString *said = opaque;

    assert_true(header->len <= XENSTORE_PAYLOAD_MAX);
    if (said->len)
        g_string_append_c(said, '\n');
    g_string_append(said, type_name(header->type));
    for (uint32_t i = 0; i < header->len; i++) {
        char c = ((const char *)payload)[i];
        g_string_append_c(said, c ? c : '|');
    }
}

int store_talk_setup(void **state)
{
    struct store_talk *f = g_new0(struct store_talk, 1);

    f->s = store_new();
    for (domid_t d = 0; d < STORE_DOMAINS; d++) {
        f->said[d] = g_string_new(NULL);
        f->conn[d] = store_connect(f->s, d, on_send, f->said[d]);
        g_autofree char *home = g_strdup_printf("/local/domain/%u", d);
        store_chmod(f->s, home, (struct store_perm){d, STORE_NONE}, (struct store_perm){d, 0});
    }
    *state = f;
    return 0;
}

int store_talk_teardown(void **state)
{
    struct store_talk *f = *state;

    for (domid_t d = 0; d < STORE_DOMAINS; d++) {
        store_disconnect(f->conn[d]);
        g_string_free(f->said[d], TRUE);
    }
    store_free(f->s);
    store_free(NULL);
    store_disconnect(NULL);
    g_free(f);
    return 0;
}

const char *store_ask(struct store_talk *f, domid_t dom, uint32_t type, uint32_t tx,
                      const char *payload)
{
    g_autofree char *bytes = g_strdup(payload);
    struct xsd_sockmsg h = {.type = type, .tx_id = tx, .len = (uint32_t)strlen(payload)};

    for (char *c = bytes; *c; c++)
        *c = *c == '|' ? '\0' : *c;
    g_string_set_size(f->said[dom], 0);
    store_request(f->conn[dom], &h, (const uint8_t *)bytes);
    return f->said[dom]->str;
}

void store_play(struct store_talk *f, const struct store_step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = store_ask(f, steps[i].dom, steps[i].type, 0, steps[i].payload);
        if (strcmp(got, steps[i].answer) != 0)
            fail_msg("step %zu (%s): '%s' instead of '%s'", i, steps[i].payload, got,
                     steps[i].answer);
    }
}

uint32_t store_begin(struct store_talk *f, domid_t dom)
{
    uint32_t tx = (uint32_t)strtoul(store_ask(f, dom, XS_TRANSACTION_START, 0, "|"), NULL, 10);

    assert_int_not_equal(tx, 0);
    return tx;
}
