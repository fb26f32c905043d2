/*
 * Any bytes as what a guest puts into xenstore's ring: messages back to back, good ones or not.
 * What comes out must be whole messages of the protocol, and the guest must stay within its limits.
 */
#include "fuzz.h"

#include "tests/unit/fake_host.h"
#include "xenner/host/store/priv.h"
#include "xenner/host/store/ring.h"

#include <stdlib.h>
#include <string.h>

static void fetch(struct xenstore_domain_interface *page, GByteArray *to)
{
    for (; page->rsp_cons != page->rsp_prod; page->rsp_cons++)
        g_byte_array_append(to, (guint8 *)&page->rsp[MASK_XENSTORE_IDX(page->rsp_cons)], 1);
}

/* The message that comes next out of the answers; false: none is whole. */
static bool check_answers(const GByteArray *answers)
{
    struct xsd_sockmsg h;

    for (size_t at = 0; at < answers->len; at += sizeof(h) + h.len) {
        if (answers->len - at < sizeof(h))
            return false;
        memcpy(&h, answers->data + at, sizeof(h));
        if (h.len > XENSTORE_PAYLOAD_MAX || h.len > answers->len - at - sizeof(h))
            return false;
        if (h.type == XS_ERROR && (!h.len || answers->data[at + sizeof(h) + h.len - 1]))
            return false;
    }
    return true;
}

static void talk(struct fake_host *host, const uint8_t *data, size_t size, GByteArray *answers)
{
    struct xenstore_domain_interface *page = host->page;

    for (size_t at = 0; at < size;) {
        size_t n = MIN(size - at, XENSTORE_RING_SIZE - (page->req_prod - page->req_cons));
        if (!n) /* it has stopped listening */
            return;
        for (size_t i = 0; i < n; i++)
            page->req[MASK_XENSTORE_IDX(page->req_prod + i)] = (char)data[at + i];
        page->req_prod += (XENSTORE_RING_IDX)n;
        at += n;
        fake_host_event(host);
        fetch(page, answers);
    }
    for (guint before = 0; before != answers->len;) {
        before = answers->len;
        fake_host_event(host);
        fetch(page, answers);
    }
}

static void ignore(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer data)
{
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fake_host *xen = fake_host_new();
    struct store *s = store_new();
    g_autoptr(GByteArray) answers = g_byte_array_new();

    g_log_set_default_handler(ignore, NULL); /* what it thinks of such guests */
    store_write(s, "/local/domain/0/secret", "not for guests");
    const struct store_perm host = {0, STORE_NONE}, guest = {FAKE_GUEST, STORE_NONE};
    store_chmod(s, "/local/domain/0", host, host);
    store_chmod(s, "/local/domain/0/secret", host, host);
    store_chmod(s, "/local/domain/1", guest, guest);
    struct store_ring *ring = store_ring_new(&xen->base, FAKE_FRAME, FAKE_PORT, s, NULL);
    talk(xen, data, size, answers);
    if (!check_answers(answers) || store_tree_count(s->root, 1) > STORE_MAX_NODES)
        abort();
    /* What it has not said itself, it must not hear. */
    if (size && answers->len && !memmem(data, size, "not for", 7) &&
        memmem(answers->data, answers->len, "not for", 7))
        abort();
    g_autofree char *secret = store_read(s, "/local/domain/0/secret");
    if (g_strcmp0(secret, "not for guests") != 0)
        abort();
    store_ring_free(ring);
    store_free(s);
    fake_host_free(xen);
    return 0;
}

static void append(GByteArray *a, uint32_t type, uint32_t tx, const char *payload)
{
    size_t len = strlen(payload);
    g_autofree char *bytes = g_strdup(payload);
    struct xsd_sockmsg h = {.type = type, .tx_id = tx, .len = (uint32_t)len};

    for (char *c = bytes; *c; c++)
        *c = *c == '|' ? '\0' : *c;
    g_byte_array_append(a, (const guint8 *)&h, sizeof(h));
    g_byte_array_append(a, (const guint8 *)bytes, (guint)len);
}

/* Conversations; '|' is NUL. The first transaction has the number 1. */
void fuzz_seeds(fuzz_seed_fn add, void *opaque)
{
    static const struct {
        uint32_t talk, type, tx;
        const char *payload;
    } messages[] = {
        {0, XS_WRITE, 0, "a|1"},
        {0, XS_READ, 0, "a|"},
        {0, XS_DIRECTORY, 0, "/local/domain/1|"},
        {0, XS_RM, 0, "a|"},
        {1, XS_WATCH, 0, "device|token|"},
        {1, XS_MKDIR, 0, "device/vbd/51712|"},
        {1, XS_SET_PERMS, 0, "device/vbd|n1|r2|b3|"},
        {1, XS_GET_PERMS, 0, "device/vbd|"},
        {1, XS_UNWATCH, 0, "device|token|"},
        {1, XS_RM, 0, "device|"},
        {2, XS_TRANSACTION_START, 0, "|"},
        {2, XS_WRITE, 1, "x/y/z|value"},
        {2, XS_DIRECTORY, 1, "x|"},
        {2, XS_RM, 1, "x/y|"},
        {2, XS_TRANSACTION_END, 1, "T|"},
        {2, XS_TRANSACTION_START, 0, "|"},
        {2, XS_RESET_WATCHES, 2, "|"},
        {3, XS_GET_DOMAIN_PATH, 0, "1|"},
        {3, XS_IS_DOMAIN_INTRODUCED, 0, "1|"},
        {3, XS_WATCH, 0, "@releaseDomain|r|"},
        {3, XS_WATCH, 0, "/|all|"},
        {3, XS_DIRECTORY_PART, 0, "/local|0|"},
        {3, XS_READ, 0, "/local/domain/0/secret|"},
        {3, XS_WRITE, 0, "/local/domain/0/secret|mine"},
        {3, XS_CONTROL, 0, "help|"},
    };

    for (uint32_t talk_nr = 0; talk_nr < 4; talk_nr++) {
        g_autoptr(GByteArray) a = g_byte_array_new();
        g_autofree char *name = g_strdup_printf("talk%u", talk_nr);

        for (size_t i = 0; i < G_N_ELEMENTS(messages); i++) {
            if (messages[i].talk == talk_nr)
                append(a, messages[i].type, messages[i].tx, messages[i].payload);
        }
        add(opaque, name, a->data, a->len);
    }
}
