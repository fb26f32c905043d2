/* What the probe's program and its host side agree on. */
#pragma once

#define PROBE_VA      0xffff830000000000 /* as emu */
#define PROBE_M2P_VA  0xffff800000000000
#define PROBE_USER_VA 0x400000
#define PROBE_HOLE_VA 0x500000
#define PROBE_MAGIC   0x4d3250
#define PROBE_LOOPS   400
#define PROBE_DONE    11

/* Offsets in the descriptors' page. */
#define PROBE_GDT  0x000
#define PROBE_GDTR 0x080
#define PROBE_IDTR 0x090
#define PROBE_TSS  0x100
#define PROBE_IDT  0x200

#define PROBE_SEL_RING1_CS 0x39
#define PROBE_SEL_RING1_SS 0x41
#define PROBE_SEL_TSS      0x48
