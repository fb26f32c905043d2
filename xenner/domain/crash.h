/* What a guest looked like when it ended, as text for people. */
#pragma once

#include "emu/abi/emu_abi.h"
#include "xenner/build/builder.h"

/* One vCPU's registers and stack from its shared page; img for symbols. */
void crash_report_vcpu(const struct emu_vcpu_shared *shared, unsigned vcpu,
                       const struct dom_image *img, GString *out);
/* "name+0x12" or NULL. Caller frees. */
char *crash_symbol(const struct dom_image *img, uint64_t addr);
