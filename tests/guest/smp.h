/* Secondary vCPUs: each runs what the first one gives it, and sleeps in between. */
#pragma once

#include "event.h"

/* VCPUOP_initialise alone, with a context that begins in the secondary's loop. */
long cpu_initialise(unsigned id);
/* Initialised if it was not, and up; true when it answers. */
bool cpu_start(unsigned id);
/* fn(id) on that vCPU, with its events held back; asynchronous. */
void cpu_call(unsigned id, void (*fn)(unsigned id));
/* Until fn has returned. */
bool cpu_wait(unsigned id);
/* A good context to change and to hand to VCPUOP_initialise. */
void cpu_context(struct vcpu_guest_context *c, unsigned id);
void secondary_main(unsigned id);
