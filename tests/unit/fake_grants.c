#include "fake_grants.h"

#include <errno.h>
#include <string.h>

static int copy(struct fake_grants *g, struct grant_copy *p)
{
    g->copies++;
    if (p->ref >= FAKE_GRANTS)
        return -ENOENT;
    if (p->to_guest && g->readonly[p->ref])
        return -EACCES;
    if (p->offset > FRAME_SIZE || p->len > FRAME_SIZE - p->offset)
        return -EINVAL;
    if (p->to_guest)
        memcpy(g->page[p->ref] + p->offset, p->buf, p->len);
    else
        memcpy(p->buf, g->page[p->ref] + p->offset, p->len);
    return 0;
}

static int fake_copy(struct xen_host *h, struct grant_copy *pieces, unsigned n)
{
    int first = 0;

    for (unsigned i = 0; i < n; i++) {
        pieces[i].ret = copy((struct fake_grants *)h, &pieces[i]);
        first = first ? first : pieces[i].ret;
    }
    return first;
}

static const struct xen_host_ops ops = {.name = "fake grants", .grant_copy = fake_copy};

struct fake_grants *fake_grants_new(void)
{
    struct fake_grants *g = g_new0(struct fake_grants, 1);

    g->base = (struct xen_host){.ops = &ops, .domid = 1};
    for (unsigned i = 0; i < FAKE_GRANTS; i++)
        g->page[i] = g_malloc0(FRAME_SIZE);
    return g;
}

void fake_grants_free(struct fake_grants *g)
{
    for (unsigned i = 0; i < FAKE_GRANTS; i++)
        g_free(g->page[i]);
    g_free(g);
}
