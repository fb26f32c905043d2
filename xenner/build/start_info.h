/*
 * The two pages that a guest finds at its start (xen.h): start_info, which says where everything
 * is, and shared_info, which it shares with Xen, that is with emu and the host. Each in the layout
 * of the guest's own word size.
 */
#pragma once

#include "xenner/util/frames.h"

#include <glib.h>

/* The width-independent contents of struct start_info. Unnamed rings and ports: 0. */
struct start_info_values {
    uint64_t nr_pages;
    uint64_t shared_info_maddr;
    uint32_t flags; /* SIF_* */
    mfn_t store_ring, console_ring;
    uint32_t store_port, console_port;
    uint64_t pt_base, nr_pt_frames;
    uint64_t mfn_list;
    uint64_t mod_start, mod_bytes;
    uint64_t first_p2m_pfn, nr_p2m_frames;
    const char *cmdline; /* start_info_check() accepted it */
};

/* Fails when the command line does not fit. NULL is an empty one. */
bool start_info_check(const char *cmdline, GError **error);
/* page: one zeroed frame. */
void start_info_write(void *page, bool is32, const struct start_info_values *v);
/* All event channels masked, upcalls off, the time of day; page: one frame, zeroed here. */
void shared_info_init(void *page, bool is32);
