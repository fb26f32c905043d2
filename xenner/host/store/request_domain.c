/* Requests about domains. */
#include "xenner/host/store/request.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

static bool domain_arg(const struct request *r, domid_t *ret)
{
    unsigned long dom;

    if (!request_number(request_arg(r, 0), UINT16_MAX, &dom))
        return false;
    *ret = dom == DOMID_SELF ? r->conn->dom : (domid_t)dom;
    return true;
}

int do_get_domain_path(struct request *r)
{
    char path[40];
    domid_t dom;

    if (!domain_arg(r, &dom))
        return EINVAL;
    snprintf(path, sizeof(path), "/local/domain/%u", dom);
    request_text(r, path);
    return 0;
}

int do_is_domain_introduced(struct request *r)
{
    domid_t dom;

    if (!domain_arg(r, &dom))
        return EINVAL;
    request_text(r, store_is_introduced(r->conn->store, dom) ? "T" : "F");
    return 0;
}

/* Domain, frame of its ring, port: the domain is one that is here, for there is no way to map another. */
int do_introduce(struct request *r)
{
    unsigned long frame, port;
    domid_t dom;

    if (r->conn->dom != 0)
        return EACCES;
    if (!domain_arg(r, &dom) || !request_number(request_arg(r, 1), ULONG_MAX - 1, &frame) ||
        !request_number(request_arg(r, 2), UINT32_MAX, &port) || dom == 0)
        return EINVAL;
    if (!store_is_introduced(r->conn->store, dom))
        return ENOENT;
    store_introduce(r->conn->store, dom);
    return request_ok(r);
}

/* The control domain's word about another one, which is here: 0 or what is wrong. */
static int guest_arg(struct request *r, domid_t *ret)
{
    if (r->conn->dom != 0)
        return EACCES;
    if (!domain_arg(r, ret) || *ret == 0)
        return EINVAL;
    return store_is_introduced(r->conn->store, *ret) ? 0 : ENOENT;
}

int do_release(struct request *r)
{
    domid_t dom;
    int rc = guest_arg(r, &dom);

    if (rc)
        return rc;
    store_release(r->conn->store, dom);
    return request_ok(r);
}

/* Nothing was suspended, so there is nothing to resume. */
int do_resume(struct request *r)
{
    domid_t dom;
    int rc = guest_arg(r, &dom);

    return rc ? rc : request_ok(r);
}
