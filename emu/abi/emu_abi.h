/*
 * All that emu (ring 0 inside the VM) and xenner (the host process) share. C11 and Xen's public
 * headers only. Every structure lives in the VM's RAM; "maddr" is a byte address there.
 *
 * Trust: xenner treats everything here as guest-written (emu shares the guest's fate): it reads a
 * field once, checks it, and keeps its own copy of whatever it needs to stay true.
 */
#pragma once

#define EMU_ABI_MAGIC   0x756d6558u /* "Xemu" */
#define EMU_ABI_VERSION 5
#define EMU_MAX_VCPUS   32

/*
 * Address plan of the VM. The low megabyte holds the trampoline only; 0xa0000 to 0xfffff is left
 * alone (it is not RAM on a PC). emu's area starts at 1 MiB, the guest's frames follow it.
 */
#define EMU_TRAMPOLINE_GPA 0x8000u   /* where a vCPU without loaded registers starts (SIPI vector 8) */
#define EMU_ENTRY_GPA      0x9000u   /* struct emu_entry_block */
#define EMU_AREA_GPA       0x100000u /* struct emu_boot_info, then the rest */

/* Virtual: Xen's reserved part of the 64-bit address space, L4 slots 256 to 271. */
#define EMU_M2P_VA    0xffff800000000000ull /* slot 256: M2P, read-only for the guest */
#define EMU_BASE_VA   0xffff830000000000ull /* slot 262: image, vCPU areas, GDTs, device pages */
#define EMU_DIRECT_VA 0xffff840000000000ull /* slot 264: all RAM and the devices below 4 GiB */
#define EMU_PAE_M2P_VA 0xf5800000u /* 32-bit guests: the 168 MiB below 4 GiB are Xen's */
#define EMU_L4_M2P    256
#define EMU_L4_BASE   262
#define EMU_L4_DIRECT 264

/* Offsets into slot 262. */
#define EMU_IMAGE_OFF 0x0000000u /* at most 2 MiB, linked at EMU_BASE_VA */
#define EMU_VCPU_OFF  0x0200000u /* one area of EMU_VCPU_SIZE a vCPU */
#define EMU_VCPU_SIZE 0x8000u
#define EMU_STACK_TOP_PAD 32 /* frames from the guest lie this far below the end of a vCPU's area */
/* A vCPU starts with RSP this far below it: its first frame into the guest is made above that. */
#define EMU_START_STACK_PAD 512
#define EMU_GDT_OFF   0x0400000u /* 64 KiB a vCPU: 14 guest pages, emu's page, one spare */
#define EMU_GDT_SIZE  0x10000u
#define EMU_MMIO_OFF  0x0600000u /* page 0: LAPIC; pages 1 and 2: doorbell device */

/* Interrupt vectors of emu, above all that a guest can ask for. */
#define EMU_VECTOR_KICK  0xf0 /* host -> vCPU, and vCPU -> vCPU: look for work */
#define EMU_VECTOR_FLUSH 0xf1 /* vCPU -> vCPU: TLB flush request */
#define EMU_VECTOR_TIMER 0xf2
#define EMU_VECTOR_SPURIOUS 0xff

#ifndef __ASSEMBLER__

#include <stdint.h>

/* What a vCPU starts with when the engine can't load registers (tcg): read by the trampoline. */
struct emu_entry {
    uint64_t rip, rsp, cr3, unused;
};

struct emu_entry_block {
    uint32_t nr_vcpus;
    uint32_t pad[7];
    struct emu_entry vcpu[EMU_MAX_VCPUS]; /* by initial APIC id */
};

enum emu_doorbell {
    EMU_DOORBELL_IVSHMEM = 1, /* PCI device 1af4:1110: write peer 0, vector n */
    EMU_DOORBELL_PORT = 2,    /* out of n to EMU_PORT_ASYNC (ioeventfd) or EMU_PORT_SYNC (exit) */
};
/* Doorbell 0 is for all; the others wake a thread of the host that serves some ports, at once. */
#define EMU_DOORBELLS 8
#define EMU_PORT_ASYNC 0xe0
#define EMU_PORT_SYNC  0xe4

/*
 * Event channels. The host owns the port table and is its only writer; emu reads it to keep sends of
 * IPIs and of timer VIRQs inside the VM. A port's pending and mask bits are the guest's
 * (shared_info), see evtchn_2l.h; in the FIFO form its event words, which only emu touches.
 */
#define EMU_NR_PORTS 4096

enum emu_port_type {
    EMU_PORT_FREE = 0,
    EMU_PORT_UNBOUND,
    EMU_PORT_HOST, /* interdomain with the host: a send is a bit in host_pending and doorbell `target` */
    EMU_PORT_LOOP, /* interdomain with itself: target is the other port */
    EMU_PORT_VIRQ, /* target is the VIRQ */
    EMU_PORT_IPI,
};

struct emu_port {
    uint8_t type;
    uint8_t vcpu; /* who is notified */
    uint16_t target;
};

/*
 * The guest's grant table. Its frames are emu's, the entries in them the guest's; emu writes this page,
 * the host reads it at each use of a grant. A frame's number is there before it is counted.
 */
#define EMU_GNTTAB_FRAMES        64 /* 32768 grants of version 1, 16384 of version 2 */
#define EMU_GNTTAB_STATUS_FRAMES 8

struct emu_gnttab {
    uint32_t version; /* 1 or 2 */
    uint32_t nr_frames, nr_status;
    uint32_t pad;
    uint64_t frame[EMU_GNTTAB_FRAMES]; /* maddr */
    uint64_t status[EMU_GNTTAB_STATUS_FRAMES];
};

/* One synchronous request of emu to the host a vCPU; emu fills nr, cmd, arg and then state. */
enum emu_hostcall_state {
    EMU_HOSTCALL_IDLE = 0,
    EMU_HOSTCALL_REQUEST = 1,
    EMU_HOSTCALL_DONE = 2,
    EMU_HOSTCALL_SERVING = 3, /* the host took it */
};

enum emu_hostcall_nr {
    EMU_HOSTCALL_EVTCHN = 1,  /* cmd: EVTCHNOP_*, arg: its struct, 64-bit layout (it has no pointers) */
    EMU_HOSTCALL_SHUTDOWN,    /* cmd: SHUTDOWN_*; does not return to the guest when granted */
    EMU_HOSTCALL_CONSOLE_OUT, /* cmd: bytes in arg, 0 to 496: the debug console */
    EMU_HOSTCALL_RELEASE,     /* arg: struct emu_frames: memory the guest gave back */
    EMU_HOSTCALL_PANIC,       /* emu itself can't go on; arg: text, NUL-terminated */
};

/* In a frame's byte at frame_info_maddr, the only bit that the host looks at: the guest gave it back. */
#define EMU_FRAME_RELEASED 0x10

struct emu_frames {
    uint64_t first_mfn, count;
};

struct emu_hostcall {
    uint32_t state; /* enum emu_hostcall_state; release/acquire */
    uint32_t nr, cmd;
    uint32_t pad;
    int64_t ret;    /* 0 or more, or -XEN_Exxx */
    uint8_t arg[496];
};

/* Text from emu for xenner's log: a byte ring, emu the producer (under a lock of its own). */
#define EMU_LOG_SIZE  16384u
#define EMU_LOG_TRACE "\001" /* first character of a line that is only of interest with -d */
struct emu_log {
    uint32_t prod, cons; /* free-running */
    char text[EMU_LOG_SIZE];
};

/* A vCPU as the host sees it; one page. Written by emu unless said otherwise. */
struct emu_vcpu_shared {
    struct emu_hostcall call;
    uint32_t online;   /* VCPUOP_up */
    uint32_t nmi;      /* the host sets it to 1 and kicks: an NMI for the guest; emu clears it */
    /*
     * Events that can wait until the vCPU has nothing else to do (FIFO form). Host: sets the port's bit in
     * guest_pending, then held, then reads blocked, and kicks if that is set. emu: sets blocked, then
     * takes held and with it the bits, then sleeps. Each step is sequentially consistent, so one
     * of the two sees the other.
     */
    uint32_t blocked; /* idle in emu: needs a kick for an event */
    uint32_t held;    /* the host sets it, emu clears it before it looks at the bits */
    uint32_t ring_idle; /* doorbells, a bit each, to be rung before it sleeps: set by the host, cleared by emu */
    uint32_t os_runs;   /* an event callback was registered: what boot loaders, which poll, never do */
    uint64_t vcpu_info_maddr; /* where its struct vcpu_info lives now */
    uint64_t kernel_entries, hypercalls, faults, interrupts; /* statistics */
    /* The guest's registers when it last entered emu to stop for good (shutdown, panic). */
    uint64_t regs[32]; /* struct cpu_user_regs of Xen's headers */
    uint64_t cr2, cr3, fs_base, gs_base, gs_base_user;
    uint8_t stack[1024]; /* of the guest's stack from its rsp up, as far as mapped; zeros beyond */
    uint32_t stack_valid;
};

/* First page of the area. Filled by xenner before the VM runs; const for emu unless said otherwise. */
struct emu_boot_info {
    uint32_t magic, version;
    uint32_t nr_vcpus;
    uint32_t doorbell;       /* enum emu_doorbell */
    uint32_t guest_pae32;
    uint32_t kernel_ring;    /* 0 auto, 1, 3 */
    uint32_t user_tables;    /* 0 auto, 1 shared, 2 split */
    uint32_t trace;          /* 1: log each hypercall that fails */
    uint64_t area_bytes;     /* all of emu's area, from EMU_AREA_GPA */

    /* memory */
    uint64_t guest_first_mfn, guest_end_mfn; /* the guest's frames, hole included */
    uint64_t nr_pages;       /* that it was given */
    uint64_t l4_entry[3];    /* for slots EMU_L4_M2P, EMU_L4_BASE, EMU_L4_DIRECT */
    uint64_t m2p_maddr, m2p_bytes;
    uint64_t frame_info_maddr; /* one byte a frame, emu's own use */
    uint64_t scratch_maddr, scratch_frames; /* zeroed frames for emu: grant tables, page tables */

    /* where the first vCPU starts */
    uint64_t start_rip, start_rsp, start_info_va;
    uint64_t start_root_maddr;       /* L4, or the PAE L3 */
    uint64_t shared_info_maddr;
    uint64_t hypercall_page_maddr;   /* 0: none yet */

    /* time: ns = ((tsc << shift) * mul) >> 32, as struct vcpu_time_info */
    uint64_t tsc_hz;
    uint32_t tsc_to_system_mul;
    int32_t tsc_shift;

    /* shared pages */
    uint64_t ports_maddr;        /* struct emu_port[EMU_NR_PORTS], host writes */
    uint64_t host_pending_maddr; /* EMU_NR_PORTS bits: emu sets, the host clears */
    uint64_t guest_pending_maddr; /* the same the other way round, in the FIFO form */
    uint64_t log_maddr;          /* struct emu_log */
    uint64_t vcpu_shared_maddr;  /* struct emu_vcpu_shared, a page each */
    uint64_t gnttab_maddr;       /* struct emu_gnttab */
};

_Static_assert(sizeof(struct emu_hostcall) == 520, "hostcall frame");
_Static_assert(sizeof(struct emu_vcpu_shared) <= 4096, "one page");
_Static_assert(sizeof(struct emu_boot_info) <= 4096, "one page");
_Static_assert(sizeof(struct emu_gnttab) <= 4096, "one page");

#endif /* __ASSEMBLER__ */
