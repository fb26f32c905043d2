#include "xenner/build/start_info.h"
#include "xenner/build/error.h"

#include <string.h>
#include <time.h>
#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

/* Even: stable (struct vcpu_time_info's protocol). */
#define WC_VERSION 2

_Static_assert(sizeof(struct start_info) <= FRAME_SIZE, "one page");
_Static_assert(sizeof(struct shared_info) <= FRAME_SIZE, "one page");
/* The 32-bit layouts as a 32-bit compiler makes them; a header without PV's fields would differ. */
_Static_assert(sizeof(struct start_info_x86_32) == 1112, "i386 layout");
_Static_assert(offsetof(struct start_info_x86_32, cmd_line) == 80, "i386 layout");
_Static_assert(offsetof(struct vcpu_info_x86_32, evtchn_upcall_mask) == 1, "i386 layout");
_Static_assert(sizeof(struct vcpu_info_x86_32) == 64, "i386 layout");
_Static_assert(offsetof(struct shared_info_x86_32, wc_version) == 2304, "i386 layout");

bool start_info_check(const char *cmdline, GError **error)
{
    size_t len = cmdline ? strlen(cmdline) : 0;

    if (len < MAX_GUEST_CMDLINE)
        return true;
    return build_fail(error, "the kernel command line has %zu bytes, a PV guest can get %u", len,
                      MAX_GUEST_CMDLINE - 1);
}

/* The same assignments for two types; the 32-bit one cuts nothing off that layout_plan() let pass.
 */
#define FILL_START_INFO(si, v)                                                                     \
    do {                                                                                           \
        (si)->nr_pages = (v)->nr_pages;                                                            \
        (si)->shared_info = (v)->shared_info_maddr;                                                \
        (si)->flags = (v)->flags;                                                                  \
        (si)->store_mfn = (v)->store_ring.v;                                                       \
        (si)->store_evtchn = (v)->store_port;                                                      \
        (si)->console.domU.mfn = (v)->console_ring.v;                                              \
        (si)->console.domU.evtchn = (v)->console_port;                                             \
        (si)->pt_base = (v)->pt_base;                                                              \
        (si)->nr_pt_frames = (v)->nr_pt_frames;                                                    \
        (si)->mfn_list = (v)->mfn_list;                                                            \
        (si)->mod_start = (v)->mod_start;                                                          \
        (si)->mod_len = (v)->mod_bytes;                                                            \
        (si)->first_p2m_pfn = (v)->first_p2m_pfn;                                                  \
        (si)->nr_p2m_frames = (v)->nr_p2m_frames;                                                  \
        g_strlcpy((si)->magic, magic, sizeof((si)->magic));                                        \
        g_strlcpy((char *)(si)->cmd_line, (v)->cmdline ? (v)->cmdline : "",                        \
                  sizeof((si)->cmd_line));                                                         \
    } while (0)

void start_info_write(void *page, bool is32, const struct start_info_values *v)
{
    const char *magic = is32 ? "xen-3.0-x86_32p" : "xen-3.0-x86_64";

    if (is32)
        FILL_START_INFO((struct start_info_x86_32 *)page, v);
    else
        FILL_START_INFO((struct start_info *)page, v);
}

void shared_info_init(void *page, bool is32)
{
    struct shared_info *s = page;
    struct shared_info_x86_32 *s32 = page;
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    memset(page, 0, FRAME_SIZE);
    if (is32) {
        for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
            s32->vcpu_info[i].evtchn_upcall_mask = 1;
        s32->wc_version = WC_VERSION;
        s32->wc_sec = (uint32_t)now.tv_sec;
        s32->wc_nsec = (uint32_t)now.tv_nsec;
        s32->arch.wc_sec_hi = (uint32_t)((uint64_t)now.tv_sec >> 32);
        return;
    }
    for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        s->vcpu_info[i].evtchn_upcall_mask = 1;
    s->wc_version = WC_VERSION;
    s->wc_sec = (uint32_t)now.tv_sec;
    s->wc_nsec = (uint32_t)now.tv_nsec;
    s->wc_sec_hi = (uint32_t)((uint64_t)now.tv_sec >> 32);
}
