/* What a display shows now, as a file. Threads: the main loop's. */
#pragma once

#include "xenner/display/display.h"

enum shot_format { SHOT_PPM, SHOT_PNG };

/* Replaces the file. */
bool display_shot(struct display *d, const char *path, enum shot_format format, GError **error);
