/*
 * The descriptors that libslirp wants to be polled, in one GSource. All in its thread.
 */
#pragma once

#include <glib.h>
#include <libslirp.h>

struct user_polls;

/* source: borrowed, and destroyed before these are freed. */
struct user_polls *user_polls_new(GSource *source);
void user_polls_free(struct user_polls *polls); /* accepts NULL */
/* Asks libslirp for what it wants in this round, of at most *timeout ms (UINT32_MAX: for ever). */
void user_polls_prepare(struct user_polls *polls, Slirp *slirp, uint32_t *timeout);
/* Tells libslirp what is ready. */
void user_polls_dispatch(struct user_polls *polls, Slirp *slirp);
