/* What format an image is in, by its first bytes. Pure. */
#pragma once

#include <stddef.h>

#define IMAGE_PROBE_BYTES 512u

/* A name as QEMU has it; "raw" when it looks like nothing else. */
const char *image_probe(const void *head, size_t len);
