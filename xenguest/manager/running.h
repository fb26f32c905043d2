/*
 * Guests as processes. xenner holds a lock on the guest's pid file for as long as it lives, so who
 * runs is known from the file alone: no state of a manager's is needed.
 */
#pragma once

#include "xenguest/lib/auto.h"
#include "xenguest/manager/guest.h"
#include "xenner/util/qmp_client.h"

#include <sys/types.h>

/* The process of a guest, also when it ends meanwhile: the pidfd is of nobody else. -1: does not
 * run. */
int running_open(const struct guest *g);
bool running_is(const struct guest *g);
/* A guest's monitor. */
DEFINE_AUTO(qmp_client)

/* "RUN/qmp"; caller frees. */
char *running_file(const struct guest *g, const char *name);
/* Waits for the end; ms < 0: without limit. True when it has ended. */
bool running_wait(int pidfd, int ms);

/* Whoever starts or removes the guest holds it; makes its runtime directory. -1 with error set. */
int running_lock(const struct guest *g, GError **error);
/* QMP's "status": "running", "prelaunch"...; NULL when there is no answer. Caller frees. */
char *running_status(const struct guest *g);

/*
 * start: its scripts, xenner, and back to where it was if anything fails. Fails when the guest
 * runs.
 */
bool guest_start(const struct settings *s, const struct guest *g, GError **error);

enum stop_how {
    STOP_WAIT,   /* for settings' stop_timeout; an error when it still runs then */
    STOP_NOWAIT, /* only ask */
    STOP_KILL,   /* as STOP_WAIT, and then kill it */
};
/* True when it does not run in the first place. */
bool guest_stop(const struct settings *s, const struct guest *g, enum stop_how how, GError **error);
/* At once. */
bool guest_kill(const struct guest *g, GError **error);
