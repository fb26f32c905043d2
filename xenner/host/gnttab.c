#include "xenner/host/gnttab.h"

#include <errno.h>
#include <string.h>

#define V1_PER_FRAME     (FRAME_SIZE / sizeof(struct grant_entry_v1))
#define V2_PER_FRAME     (FRAME_SIZE / sizeof(union grant_entry_v2))
#define STATUS_PER_FRAME (FRAME_SIZE / sizeof(grant_status_t))
#define MAX_MAPS         (1u << 16) /* of one grant */
#define MAX_TRIES        16

/* Where an entry is now. */
struct entry {
    unsigned version;
    uint32_t *header; /* flags and domid in one word, so that they change together */
    grant_status_t *status; /* version 2 */
};

/*
 * A grant in use. Between its first map and its last unmap the guest must leave frame, domid and
 * type alone; whether it does makes no difference, as they are kept here.
 */
struct grant {
    struct entry entry;
    uint8_t *page;
    uint16_t offset, length; /* what of the page is granted */
    uint32_t readers, writers;
};

struct gnttab {
    struct gnttab_config config;
    GMutex lock;
    GHashTable *grants; /* grant_ref_t -> struct grant, owned */
};

struct gnttab *gnttab_new(const struct gnttab_config *config)
{
    struct gnttab *t = g_new0(struct gnttab, 1);

    t->config = *config;
    g_mutex_init(&t->lock);
    t->grants = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return t;
}

void gnttab_free(struct gnttab *t)
{
    if (!t)
        return;
    g_hash_table_unref(t->grants);
    g_mutex_clear(&t->lock);
    g_free(t);
}

/* Frame i of a list in the shared page, which the guest may have spoiled: NULL unless it is RAM. */
static void *table_frame(struct gnttab *t, const uint64_t *list, const uint32_t *count,
                         unsigned max, size_t i)
{
    uint32_t n = __atomic_load_n(count, __ATOMIC_ACQUIRE);

    if (i >= MIN(n, max))
        return NULL;
    uint64_t maddr = __atomic_load_n(&list[i], __ATOMIC_RELAXED);
    return maddr % FRAME_SIZE == 0 ? guest_ptr(t->config.mem, maddr, FRAME_SIZE) : NULL;
}

static bool find_entry(struct gnttab *t, grant_ref_t ref, struct entry *ret)
{
    const struct emu_gnttab *s = t->config.shared;
    unsigned version = __atomic_load_n(&s->version, __ATOMIC_ACQUIRE);
    size_t per_frame = version == 1 ? V1_PER_FRAME : V2_PER_FRAME;
    uint8_t *frame = table_frame(t, s->frame, &s->nr_frames, EMU_GNTTAB_FRAMES, ref / per_frame);

    *ret = (struct entry){.version = version};
    if (!frame || version < 1 || version > 2)
        return false;
    ret->header = (uint32_t *)(frame + ref % per_frame * (FRAME_SIZE / per_frame));
    if (version == 1)
        return true;
    grant_status_t *status = table_frame(t, s->status, &s->nr_status, EMU_GNTTAB_STATUS_FRAMES,
                                         ref / STATUS_PER_FRAME);
    ret->status = status + ref % STATUS_PER_FRAME;
    return status != NULL;
}

static uint16_t flags_of(uint32_t header)
{
    return (uint16_t)header;
}

static domid_t domid_of(uint32_t header)
{
    return (domid_t)(header >> 16);
}

/* Is this entry, as it was read, a grant to domain 0? sub_page: one of a part of a page will do. */
static int check_header(const struct entry *e, uint32_t header, bool write, bool sub_page)
{
    uint16_t flags = flags_of(header);

    if ((flags & GTF_type_mask) != GTF_permit_access || domid_of(header) != 0)
        return -ENOENT; /* transitive ones as well: not back to this table, and there is no other */
    if (e->version == 2 && (flags & GTF_sub_page) && !sub_page)
        return -ENOENT;
    return write && (flags & GTF_readonly) ? -EACCES : 0;
}

/*
 * Version 1: the marks are in the same word as what they depend on, so one compare-and-swap proves
 * that the entry was good at the moment it was marked.
 */
static int mark_v1(const struct entry *e, bool write, uint32_t *ret_header)
{
    uint32_t marks = GTF_reading | (write ? GTF_writing : 0);
    uint32_t header = __atomic_load_n(e->header, __ATOMIC_SEQ_CST);

    for (unsigned i = 0; i < MAX_TRIES; i++) {
        int rc = check_header(e, header, write, false);
        if (rc < 0)
            return rc;
        *ret_header = header;
        if (__atomic_compare_exchange_n(e->header, &header, header | marks, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return 0;
    }
    return -EAGAIN;
}

static void unmark(const struct entry *e, uint16_t marks)
{
    /* flags is the low half of the word; the guest's domid beside it is not touched */
    uint16_t *word = e->version == 1 ? (uint16_t *)e->header : e->status;

    __atomic_fetch_and(word, (uint16_t)~marks, __ATOMIC_SEQ_CST);
}

/*
 * Version 2: the marks are in a word of their own. The guest withdraws by clearing flags and
 * looking at the status then, we set the status and look at the flags then: one of the two sees the
 * other.
 */
static int mark_v2(const struct entry *e, bool write, bool sub_page, uint16_t had,
                   uint32_t *ret_header)
{
    uint16_t marks = GTF_reading | (write ? GTF_writing : 0);
    uint32_t header = __atomic_load_n(e->header, __ATOMIC_SEQ_CST);
    int rc = check_header(e, header, write, sub_page);

    if (rc < 0)
        return rc;
    __atomic_fetch_or(e->status, marks, __ATOMIC_SEQ_CST);
    uint32_t again = __atomic_load_n(e->header, __ATOMIC_SEQ_CST);
    rc = check_header(e, again, write, sub_page);
    if (!rc && (flags_of(header ^ again) & GTF_sub_page))
        rc = -EAGAIN;
    if (rc < 0)
        unmark(e, marks & (uint16_t)~had);
    *ret_header = again;
    return rc;
}

/* What g needs to be marked with now. */
static uint16_t marks_of(const struct grant *g)
{
    return (g->readers || g->writers ? GTF_reading : 0) | (g->writers ? GTF_writing : 0);
}

static int mark(const struct grant *g, bool write, bool sub_page, uint32_t *ret_header)
{
    return g->entry.version == 1
               ? mark_v1(&g->entry, write, ret_header)
               : mark_v2(&g->entry, write, sub_page, marks_of(g), ret_header);
}

void *gnttab_own_frame(struct gnttab *t, uint64_t frame)
{
    return frame < t->config.first_mfn.v ? NULL : guest_frame(t->config.mem, mfn(frame));
}

/* After the first mark, when header was good: the rest of the entry, read once. */
static int read_frame(struct gnttab *t, struct grant *g, uint32_t header)
{
    uint64_t frame;

    g->offset = 0;
    g->length = FRAME_SIZE;
    if (g->entry.version == 1) {
        frame = __atomic_load_n(&((struct grant_entry_v1 *)g->entry.header)->frame,
                                __ATOMIC_RELAXED);
    } else {
        union grant_entry_v2 *e = (union grant_entry_v2 *)g->entry.header;
        frame = __atomic_load_n(&e->full_page.frame, __ATOMIC_RELAXED);
        if (flags_of(header) & GTF_sub_page) {
            g->offset = __atomic_load_n(&e->sub_page.page_off, __ATOMIC_RELAXED);
            g->length = __atomic_load_n(&e->sub_page.length, __ATOMIC_RELAXED);
        }
    }
    g->page = gnttab_own_frame(t, frame);
    return g->page ? 0 : -EFAULT;
}

/* A grant that nobody uses yet: marked, and not in the table of grants. */
static int mark_first(struct gnttab *t, grant_ref_t ref, bool write, bool sub_page, struct grant *ret)
{
    uint32_t header;

    *ret = (struct grant){0};
    if (!find_entry(t, ref, &ret->entry))
        return -ENOENT;
    int rc = mark(ret, write, sub_page, &header);
    if (rc < 0)
        return rc;
    rc = read_frame(t, ret, header);
    if (rc < 0)
        unmark(&ret->entry, GTF_reading | GTF_writing);
    return rc;
}

static int first_use(struct gnttab *t, grant_ref_t ref, bool write, struct grant **ret)
{
    struct grant new;
    int rc = mark_first(t, ref, write, false, &new);

    if (rc < 0)
        return rc;
    *ret = g_memdup2(&new, sizeof(new));
    g_hash_table_insert(t->grants, GUINT_TO_POINTER(ref), *ret);
    return 0;
}

/*
 * One more use of a grant in use. The entry is asked only for an access that it was not marked with
 * before, as in Xen: a guest with version 2 that tries to end a grant and finds it in use has cleared
 * its flags already, and goes on using it (blkfront's persistent grants).
 */
static int further_use(struct grant *g, bool write, bool sub_page)
{
    uint32_t header;

    if (!sub_page && g->length != FRAME_SIZE)
        return -ENOENT;
    if (g->readers + g->writers >= MAX_MAPS)
        return -EBUSY;
    if (g->writers || !write)
        return 0;
    return mark(g, write, sub_page, &header);
}

int gnttab_map(struct gnttab *t, grant_ref_t ref, bool write, void **ret_page)
{
    g_mutex_lock(&t->lock);
    struct grant *g = g_hash_table_lookup(t->grants, GUINT_TO_POINTER(ref));
    int rc = g ? further_use(g, write, false) : first_use(t, ref, write, &g);
    if (!rc) {
        (*(write ? &g->writers : &g->readers))++;
        *ret_page = g->page;
    }
    g_mutex_unlock(&t->lock);
    return rc;
}

void gnttab_unmap(struct gnttab *t, grant_ref_t ref, bool write)
{
    g_mutex_lock(&t->lock);
    struct grant *g = g_hash_table_lookup(t->grants, GUINT_TO_POINTER(ref));
    g_assert(g && (write ? g->writers : g->readers));
    uint16_t before = marks_of(g);
    (*(write ? &g->writers : &g->readers))--;
    uint16_t now = marks_of(g);
    if (before != now)
        unmark(&g->entry, before & (uint16_t)~now);
    if (!now)
        g_hash_table_remove(t->grants, GUINT_TO_POINTER(ref));
    g_mutex_unlock(&t->lock);
}

static int copy(const struct grant *g, bool write, unsigned offset, void *buf, size_t len)
{
    unsigned end = MIN((unsigned)g->offset + g->length, FRAME_SIZE);

    if (offset < g->offset || offset > end || len > end - offset)
        return -EINVAL;
    if (write)
        memcpy(g->page + offset, buf, len);
    else
        memcpy(buf, g->page + offset, len);
    return 0;
}

/* With the lock; of a grant that is in the table. */
static int copy_in_use(struct grant *g, bool write, unsigned offset, void *buf, size_t len)
{
    int rc = further_use(g, write, true);

    if (rc < 0)
        return rc;
    rc = copy(g, write, offset, buf, len);
    if (write && !g->writers) /* further_use() marked it */
        unmark(&g->entry, GTF_writing);
    return rc;
}

/* All of it with the lock: a copy of a page is shorter than an entry in the table of grants takes. */
int gnttab_copy(struct gnttab *t, grant_ref_t ref, bool write, unsigned offset, void *buf,
                size_t len)
{
    struct grant new;

    g_mutex_lock(&t->lock);
    struct grant *g = g_hash_table_lookup(t->grants, GUINT_TO_POINTER(ref));
    int rc = g ? copy_in_use(g, write, offset, buf, len) : mark_first(t, ref, write, true, &new);
    if (!g && !rc) {
        rc = copy(&new, write, offset, buf, len);
        unmark(&new.entry, GTF_reading | (write ? GTF_writing : 0));
    }
    g_mutex_unlock(&t->lock);
    return rc;
}

unsigned gnttab_mapped(struct gnttab *t)
{
    g_mutex_lock(&t->lock);
    unsigned n = g_hash_table_size(t->grants);
    g_mutex_unlock(&t->lock);
    return n;
}
