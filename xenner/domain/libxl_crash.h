/* What a domain of libxl's looked like when it ended. */
#pragma once

#include <glib.h>
#include <stdint.h>
#include <xentoollog.h>

/* Registers and stack of vCPUs first to end - 1, which stand still. */
void libxl_crash_report(uint32_t domid, unsigned first, unsigned end, xentoollog_logger *logger,
                        GString *out);
