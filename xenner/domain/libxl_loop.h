/*
 * libxl's descriptors and timers in our main loop: they belong to the default main context. One libxl
 * context, with its log.
 */
#pragma once

#include "xenner/host/libxen_log.h"

#include <libxl.h>

struct libxl_loop;

/* NULL, and one line: libxl can't be used. */
struct libxl_loop *libxl_loop_new(GError **error);
libxl_ctx *libxl_loop_ctx(struct libxl_loop *loop);
struct libxen_log *libxl_loop_log(struct libxl_loop *loop);
/* No operation may be under way. Accepts NULL. */
void libxl_loop_free(struct libxl_loop *loop);
/*
 * Waits for the next that concerns libxl, a second at most, and tells it; nothing else of the main loop runs. To wait
 * for an operation where the main loop can't be left to run.
 */
void libxl_loop_turn(struct libxl_loop *loop);
/* Sets error: "what: reason", with the first error that libxl told since the last call. Returns false. */
bool libxl_loop_error(struct libxl_loop *loop, GError **error, const char *what);
