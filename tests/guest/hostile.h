/* Ends of a guest that breaks itself, by end=NAME. Returns when it knows no such name. */
#pragma once

void hostile_end(const char *name);
