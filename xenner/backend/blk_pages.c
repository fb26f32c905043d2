#include "xenner/backend/blk_pages.h"

#include <sys/mman.h>

enum { SECTOR = 512 };

struct blk_pages {
    struct xen_host *host;
    unsigned max_kept;
    GHashTable *kept; /* ref -> page; NULL: none is kept */
};

struct blk_pages *blk_pages_new(struct xen_host *host, unsigned max_kept)
{
    struct blk_pages *p = g_new0(struct blk_pages, 1);

    p->host = host;
    p->max_kept = max_kept;
    p->kept = max_kept ? g_hash_table_new(NULL, NULL) : NULL;
    return p;
}

static gboolean unmap_one(gpointer ref, gpointer page, gpointer opaque)
{
    struct xen_host *host = opaque;
    grant_ref_t r = GPOINTER_TO_UINT(ref);

    host->ops->unmap_grants(host, &r, 1, PROT_READ | PROT_WRITE, &page);
    return TRUE;
}

void blk_pages_free(struct blk_pages *p)
{
    if (!p)
        return;
    if (p->kept) {
        g_hash_table_foreach_remove(p->kept, unmap_one, p->host);
        g_hash_table_unref(p->kept);
    }
    g_free(p);
}

void blk_pages_unmap(struct blk_pages *p, struct blk_mapping *m)
{
    if (m->nr_mapped)
        p->host->ops->unmap_grants(p->host, m->refs, m->nr_mapped, m->prot, m->pages);
    m->nr_mapped = 0;
}

/* One page: kept mapped, up to the limit. */
static int map_kept(struct blk_pages *p, struct blk_mapping *m, grant_ref_t ref, void **ret_page)
{
    if ((*ret_page = g_hash_table_lookup(p->kept, GUINT_TO_POINTER(ref))))
        return 0;
    int rc = p->host->ops->map_grants(p->host, &ref, 1, m->prot, ret_page);
    if (rc < 0)
        return rc;
    if (g_hash_table_size(p->kept) < p->max_kept) {
        g_hash_table_insert(p->kept, GUINT_TO_POINTER(ref), *ret_page);
        return 0;
    }
    m->refs[m->nr_mapped] = ref;
    m->pages[m->nr_mapped++] = *ret_page;
    return 0;
}

static void set_iov(struct blk_mapping *m, unsigned i, const struct blkif_request_segment *seg,
                    void *page)
{
    m->iov[i].iov_base = (char *)page + seg->first_sect * SECTOR;
    m->iov[i].iov_len = (seg->last_sect - seg->first_sect + 1u) * SECTOR;
}

static int map_all_kept(struct blk_pages *p, const struct blk_req *req,
                        const struct blkif_request_segment *seg, struct blk_mapping *m)
{
    m->prot = PROT_READ | PROT_WRITE; /* the next request may read into it */
    for (unsigned i = 0; i < req->nr_segments; i++) {
        void *page;
        int rc = map_kept(p, m, seg[i].gref, &page);
        if (rc < 0)
            return rc;
        set_iov(m, i, &seg[i], page);
    }
    return 0;
}

int blk_pages_map(struct blk_pages *p, const struct blk_req *req,
                  const struct blkif_request_segment *seg, struct blk_mapping *m)
{
    unsigned n = req->nr_segments;

    if (p->kept)
        return map_all_kept(p, req, seg, m);
    m->prot = req->op == BLKIF_OP_READ ? PROT_READ | PROT_WRITE : PROT_READ;
    for (unsigned i = 0; i < n; i++)
        m->refs[i] = seg[i].gref;
    int rc = n ? p->host->ops->map_grants(p->host, m->refs, n, m->prot, m->pages) : 0;
    if (rc < 0)
        return rc;
    m->nr_mapped = n;
    for (unsigned i = 0; i < n; i++)
        set_iov(m, i, &seg[i], m->pages[i]);
    return 0;
}

int blk_pages_indirect(struct blk_pages *p, const struct blk_req *req,
                       struct blkif_request_segment *ret)
{
    struct grant_copy pieces[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
    unsigned left = req->nr_segments;

    for (unsigned i = 0; i < req->nr_pages; i++) {
        unsigned n = MIN(left, (unsigned)BLK_SEGMENTS_PER_PAGE);
        pieces[i] = (struct grant_copy){.ref = req->pages[i], .len = (uint16_t)(n * sizeof(*ret)),
                                        .buf = ret + i * BLK_SEGMENTS_PER_PAGE};
        left -= n;
    }
    return p->host->ops->grant_copy(p->host, pieces, req->nr_pages);
}
