/*
 * run=hostile_store: a client of xenstore that floods it and breaks its protocol. store=NAME chooses the
 * end, for which there is no way back: length, request-index, answer-index, or none.
 */
#include "hostile.h"
#include "event.h"
#include "mem.h"
#include "xs.h"

static char payload[XENSTORE_PAYLOAD_MAX + 1];

static bool is_error(const char *name)
{
    return streq(xs_answer, name);
}

static int ask(uint32_t type, const char *path)
{
    return xs_ask(type, 0, path, (unsigned)strlen(path) + 1);
}

static bool works(void)
{
    return xs_write("", "data/test", "fine") && xs_read("", "data/test") &&
           streq(xs_answer, "fine");
}

static void unknown_operations(void)
{
    unsigned refused = 0, made = 0;

    for (uint32_t type = XS_TYPE_COUNT; type < 500; type += 13, made++)
        refused += ask(type, "x") == -1;
    refused += ask(0xffffffff, "") == -1;
    refused += ask(XS_WATCH_EVENT, "x") == -1;
    refused += ask(XS_ERROR, "x") == -1;
    refused += ask(XS_CONTROL, "check") == -1;
    refused += ask(XS_INTRODUCE, "1") == -1;
    refused += ask(XS_RELEASE, "1") == -1;
    refused += ask(XS_SET_TARGET, "1") == -1;
    is(refused, made + 7, "store: %u operations that are none, or not ours", refused);
    ok(works(), "store: it goes on");
}

static void garbage(void)
{
    unsigned answered = 0, good = 0;

    for (unsigned i = 0; i < 2000; i++) {
        unsigned len = i * 37 % 300;
        for (unsigned k = 0; k < len; k++)
            payload[k] = (char)(k % 3 ? "/a@\0x"[(i + k) % 5] : (char)(i * k * 7));
        int rc = xs_ask(i % (XS_TYPE_COUNT + 2), i % 7 ? 0 : i, payload, len);
        answered += rc != -2;
        good += rc >= 0;
        if (i % (XS_TYPE_COUNT + 2) == XS_TRANSACTION_START)
            ask(XS_RESET_WATCHES, "");
    }
    is(answered, 2000, "store: requests of garbage: all are answered");
    ok(good < 1500, "store: most with an error");
    ok(works(), "store: it goes on");
}

/* As many watches as there are numbers; each with the longest of tokens. */
static void watches(void)
{
    unsigned made = 0;

    for (unsigned i = 0; i < 3000; i++) {
        memset(payload, 'w', 3000);
        memcpy(payload, "data\0", 5);
        payload[5] = (char)('a' + i % 26);
        payload[6] = (char)('a' + i / 26 % 26);
        payload[7] = (char)('a' + i / 676);
        payload[2999] = 0;
        made += xs_ask(XS_WATCH, 0, payload, 3000) >= 0;
        if (i >= 200 && made <= 200)
            break;
    }
    ok(made > 0 && made <= 200, "store: %u watches, no more", made);
    ok(is_error("E2BIG"), "store: by a limit");
    ok(works(), "store: it goes on");
    ok(ask(XS_RESET_WATCHES, "") >= 0, "store: they go");
}

/* "data/xyz" and its NUL; the length with it. */
static unsigned node_name(char *to, unsigned i)
{
    const char name[] = {'d', 'a', 't', 'a', '/', (char)('a' + i % 26), (char)('a' + i / 26 % 26),
                         (char)('a' + i / 676), 0};

    memcpy(to, name, sizeof(name));
    return sizeof(name);
}

static void nodes(void)
{
    unsigned made = 0;

    memset(payload, 'v', sizeof(payload));
    for (; made < 3000; made++) {
        unsigned n = node_name(payload, made);
        memset(payload + n, 'v', 8);
        if (xs_ask(XS_WRITE, 0, payload, n + 2048) < 0)
            break;
    }
    ok(made > 100 && made < 1500 && is_error("ENOSPC"), "store: %u full nodes, no more", made);
    ok(xs_ask(XS_WRITE, 0, payload, node_name(payload, 0) + 2049) < 0, "store: no larger value");
    memset(payload, '/', sizeof(payload));
    for (unsigned i = 1; i < 3000; i += 2)
        payload[i] = 'd';
    memcpy(payload, "data/", 5);
    payload[3000] = 0;
    is(xs_ask(XS_MKDIR, 0, payload, 3001), -1, "store: no path of 1500 parts");
    memset(payload, 'd', 4096);
    memcpy(payload, "data/", 5);
    payload[4095] = 0;
    is(xs_ask(XS_MKDIR, 0, payload, 4096), -1, "store: no path of 4095 letters");
    ok(ask(XS_DIRECTORY_PART, "") < 0, "store: no part of nothing");
}

static int begin(void)
{
    int id = 0;

    if (ask(XS_TRANSACTION_START, "") < 0)
        return -1;
    for (const char *s = xs_answer; *s; s++)
        id = id * 10 + *s - '0';
    return id;
}

/* Begun and never ended, each with all that it may hold. */
static void transactions(void)
{
    unsigned begun = 0, kept = 0;
    int id;

    while (begun < 1000 && (id = begin()) > 0) {
        begun++;
        for (unsigned i = 0; i < 60; i++) {
            memset(payload, 'q', 2900);
            memcpy(payload, "data/", 5);
            payload[6] = (char)('a' + i % 26);
            payload[7] = (char)('a' + i / 26);
            payload[2900] = 0;
            kept += xs_ask(XS_READ, (uint32_t)id, payload, 2901) == -1 && is_error("ENOENT");
            unsigned n = node_name(payload, i);
            kept += xs_ask(XS_WRITE, (uint32_t)id, payload, n + 1) >= 0;
        }
    }
    ok(begun > 0 && begun < 100, "store: %u transactions at once, no more", begun);
    is(kept, begun * 120, "store: they work");
    ok(works() || is_error("ENOSPC"), "store: it goes on");
    ok(ask(XS_RESET_WATCHES, "") >= 0, "store: they go");
    is(xs_ask(XS_READ, 1, "data", 5), -1, "store: and are unknown");
}

static void remove_all(void)
{
    for (unsigned i = 0; i < 3000; i++) {
        unsigned n = node_name(payload, i);
        if (xs_ask(XS_RM, 0, payload, n) < 0)
            break;
        if (i > 3 && xs_ask(XS_READ, 0, payload, node_name(payload, i + 1)) < 0)
            break;
    }
    ok(works(), "store: after everything was removed");
}

/* Requests as fast as they go, and no answer is fetched: they stay where they are at some time. */
static void no_reader(void)
{
    struct xsd_sockmsg h = {.type = XS_READ, .req_id = 0xf100d, .len = 8};
    struct xsd_sockmsg got;
    unsigned sent = 0, came = 0;

    memset(payload, 'l', 2048);
    memcpy(payload, "data/fl", 8);
    ok(xs_ask(XS_WRITE, 0, payload, 2048) >= 0, "store: a long value");
    while (sent < 20000 && xs_put(&h, sizeof(h)) && xs_put("data/fl", 8))
        sent++;
    ok(sent > 100 && sent < 20000, "store: %u answers wait, then no more is taken", sent);
    note("flooded");
    /* the last one may be half in the ring: fetching makes room for it */
    while (came < sent && xs_get(&got, payload, sizeof(payload)))
        came += got.req_id == 0xf100d;
    is(came, sent, "store: every answer comes when it is fetched");
}

static void terminal(void)
{
    char name[16];
    struct xsd_sockmsg h = {.type = XS_READ, .len = 4097};

    if (!option("store", name, sizeof(name)))
        return;
    if (streq(name, "length"))
        xs_put(&h, sizeof(h));
    else if (streq(name, "request-index"))
        READ_ONCE(xs_ring->req_prod) = xs_ring->req_cons + 100000;
    else if (streq(name, "answer-index"))
        READ_ONCE(xs_ring->rsp_cons) = xs_ring->rsp_prod + 1;
    for (unsigned i = 0; i < 1000; i++) {
        xs_kick();
        READ_ONCE(xs_ring->req_prod) = xs_ring->req_prod + i;
        READ_ONCE(xs_ring->rsp_cons) = xs_ring->rsp_cons - i;
    }
    ok(true, "store: %s: alive", name);
}

void test_hostile_store(void)
{
    xs_init();
    ok(works(), "store: works");
    unknown_operations();
    garbage();
    ask(XS_RESET_WATCHES, "");
    watches();
    nodes();
    transactions();
    remove_all();
    no_reader();
    terminal();
}
