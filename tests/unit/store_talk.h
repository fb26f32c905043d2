/* Conversations with a store: two guests and domain 0, as text. */
#pragma once

#include "xenner/host/store/priv.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

enum { STORE_DOMAINS = 3 };

struct store_talk {
    struct store *s;
    struct store_conn *conn[STORE_DOMAINS];
    GString *said[STORE_DOMAINS]; /* what each was sent, a line a message; NUL is '|' */
};

struct store_step {
    domid_t dom;
    uint32_t type;
    const char *payload, *answer;
};

/* For cmocka; *state is the struct store_talk. Each domain owns its directory. */
int store_talk_setup(void **state);
int store_talk_teardown(void **state);
/* One request, payload with '|' for NUL; returns what dom was sent since it was last asked:
 * "value", "ERROR name|", "EVENT path|token|". */
const char *store_ask(struct store_talk *f, domid_t dom, uint32_t type, uint32_t tx,
                      const char *payload);
/* Requests without a transaction; the first answer that is not as it should be fails the test. */
void store_play(struct store_talk *f, const struct store_step *steps, size_t n);
/* A new transaction's id. */
uint32_t store_begin(struct store_talk *f, domid_t dom);
