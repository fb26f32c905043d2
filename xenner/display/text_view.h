/*
 * A console as a picture, for a guest that has no framebuffer (yet): 80x25 characters. Drawn only
 * when somebody looks.
 *
 * Threads: the main loop's.
 */
#pragma once

#include "xenner/display/display.h"

struct text_view;

/* It is the display's text source from now on. display is borrowed. */
struct text_view *text_view_new(struct display *display);
/* Accepts NULL. */
void text_view_free(struct text_view *t);
/* What the guest wrote. */
void text_view_write(struct text_view *t, const uint8_t *data, size_t len);
/* An empty screen: another guest starts. */
void text_view_reset(struct text_view *t);
