/* Ends of a guest that breaks itself: end=NAME for each of them. Returns when it knows no such name. */
#pragma once

void hostile_end(const char *name);
