/*
 * The locks that QEMU's programs and xenner respect on each other's images: one byte of the file for
 * each right that somebody uses, one for each that somebody does not grant to others.
 */
#pragma once

#include <glib.h>
#include <stdbool.h>

/* path is for the message. The lock lives as long as the open file. */
bool image_lock(int fd, bool write, const char *path, GError **error);
/* For who will lock it next. */
void image_unlock(int fd);
