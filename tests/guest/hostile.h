/* Guests that break themselves, or whatever they share with the host. */
#pragma once

/* Groups against backends, by name only (hostile_*.c). */
void test_hostile_blk(void);
void test_hostile_console(void);
void test_hostile_net(void);
void test_hostile_store(void);

/* Ends of a guest that breaks itself, by end=NAME. Returns when it knows no such name. */
void hostile_end(const char *name);
