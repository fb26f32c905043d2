#include "front.h"

#define NR_REFS 512

static grant_entry_v1_t *table;
static unsigned next_ref = 8;

static void table_init(void)
{
    struct gnttab_setup_table op = {.dom = DOMID_SELF, .nr_frames = 1};
    xen_pfn_t frame = 0;

    op.frame_list.p = &frame;
    if (hypercall(grant_table_op, GNTTABOP_setup_table, &op, 1) || op.status)
        bail_out("no grant table");
    table = page_alloc();
    if (update_va(table, pte_make(frame, KERNEL_RW), UVMF_INVLPG))
        bail_out("the grant table can't be mapped");
}

volatile grant_entry_v1_t *grant_entry(grant_ref_t ref)
{
    if (!table)
        table_init();
    return &table[ref % NR_REFS];
}

grant_ref_t grant_frame(unsigned long mfn, uint16_t flags)
{
    volatile grant_entry_v1_t *e = grant_entry(next_ref);

    if (next_ref >= REF_EMPTY)
        bail_out("no grants left");
    e->frame = (uint32_t)mfn;
    e->domid = 0;
    smp_mb();
    e->flags = GTF_permit_access | flags;
    return next_ref++;
}

grant_ref_t grant_page(const void *page, uint16_t flags)
{
    return grant_frame(mfn_of(page), flags);
}

bool grant_end(grant_ref_t ref)
{
    volatile grant_entry_v1_t *e = grant_entry(ref);
    bool used = e->flags & (GTF_reading | GTF_writing);

    e->flags = 0;
    return !used;
}

void page_clear(void *page)
{
    memset(page, 0, PAGE_SIZE);
}

static void copy_text(char *to, const char *from, size_t size)
{
    size_t n = strlen(from);

    if (n >= size)
        bail_out("'%s' is too long", from);
    memcpy(to, from, n + 1);
}

bool front_find(struct front *f, const char *type, unsigned id)
{
    unsigned n = 0;

    *f = (struct front){.port = 0};
    copy_text(f->dir, "device/", sizeof(f->dir));
    copy_text(f->dir + 7, type, sizeof(f->dir) - 20);
    n = (unsigned)strlen(f->dir);
    f->dir[n++] = '/';
    for (unsigned div = 1000000; div; div /= 10) {
        if (id >= div || div == 1)
            f->dir[n++] = (char)('0' + id / div % 10);
    }
    const char *back = xs_read(f->dir, "backend");
    if (back)
        copy_text(f->back, back, sizeof(f->back));
    return back;
}

void front_open_port(struct front *f)
{
    struct evtchn_alloc_unbound alloc = {.dom = DOMID_SELF, .remote_dom = 0};

    if (f->port)
        port_close(f->port);
    if (evtchn(EVTCHNOP_alloc_unbound, &alloc))
        bail_out("no port");
    f->port = alloc.port;
    port_mask(f->port, true);
}

XenbusState front_backend(struct front *f)
{
    const char *state = xs_read(f->back, "state");

    return state && state[0] >= '0' && state[0] <= '9' && !state[1] ? state[0] - '0' : 0;
}

bool front_wait(struct front *f, XenbusState back)
{
    return wait_for(front_backend(f) == back, 10 * S);
}

bool front_go(struct front *f, XenbusState own, XenbusState back)
{
    return xs_write(f->dir, "state", "%d", own) && front_wait(f, back);
}

bool front_reset(struct front *f)
{
    return front_go(f, XenbusStateClosed, XenbusStateClosed) &&
           front_go(f, XenbusStateInitialising, XenbusStateInitWait);
}

void front_kick(struct front *f)
{
    port_send(f->port);
    hypercall(sched_op, SCHEDOP_yield);
}
