/*
 * Keys that a program presses: each chord goes down key by key, is held, and comes up again in the
 * reverse order, before the next one begins. Codes are Linux's, as display_key() takes them.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/display/display.h"

struct key_queue;

#define KEY_QUEUE_MAX_KEYS 32 /* of one chord */

/* d is borrowed. */
struct key_queue *key_queue_new(struct display *d);
/* What is down comes up. Accepts NULL. */
void key_queue_free(struct key_queue *q);
/* Pressed now, or when those before are done. False: too many wait; nothing is done then. */
bool key_queue_add(struct key_queue *q, const unsigned *codes, unsigned n, unsigned hold_ms);
