#include "xenner/backend/blk_ring.h"
#include "xenner/backend/ring_pace.h"
#include "xenner/backend/blk_pages.h"
#include "xenner/util/ready_source.h"

#include <errno.h>
#include <gio/gio.h>
#include <sys/mman.h>

/* Linux's frontends use up to 32 pages a request, and one for the list of them. */
enum { KEPT_PER_ENTRY = 33, PACE_LIMIT_US = 500 };

struct blk_ring {
    struct blk_ring_config config;
    struct ring ring;
    struct host_port *port;
    unsigned under_way;
    struct op *barrier; /* taken last, waits for the others; nothing is taken until it is done */
    bool closing, broken;
    bool answered;      /* answers are in the ring that the guest was not shown */
    struct ring_pace *pace;
    struct io_batch batch;
    struct blk_pages *pages;
    GSource *again;     /* ready when a round ended with requests left */
};

/* A request of the guest's. */
struct op {
    struct image_request io; /* first */
    struct blk_ring *ring;
    struct blk_req req;
    uint64_t bytes;
    gint64 since; /* us */
    bool barrier;
    enum { PRE_FLUSH, DATA, POST_FLUSH } stage; /* barrier */
    struct blk_mapping map;
};

static void take_requests(struct blk_ring *ring);

static void answer(struct blk_ring *ring, const struct blk_req *req, int16_t status)
{
    uint8_t entry[sizeof(struct blkif_response)];
    size_t len = blk_response_make(ring->config.abi, req->id, req->op, status, entry);

    if (status != BLKIF_RSP_OKAY)
        g_log("blk", G_LOG_LEVEL_DEBUG, "%s: operation %u at sector %" G_GUINT64_FORMAT " ends with %d",
              ring->config.name, req->op, req->sector, status);
    ring_answer(&ring->ring, entry, len);
    ring->answered = true;
    io_at_end(ring->config.io, &ring->batch);
}

static void publish(struct io_batch *batch)
{
    struct blk_ring *ring = (struct blk_ring *)((char *)batch - offsetof(struct blk_ring, batch));

    if (ring->answered)
        ring_pace_publish(ring->pace);
    ring->answered = false;
}

static int16_t status_of(int rc)
{
    if (!rc)
        return BLKIF_RSP_OKAY;
    return rc == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

static void end_op(struct op *op, int16_t status)
{
    struct blk_ring *ring = op->ring;

    blk_pages_unmap(ring->pages, &op->map);
    answer(ring, &op->req, status);
    ring->under_way--;
    if (ring->barrier == op)
        ring->barrier = NULL;
    g_free(op);
}

static void submit_flush(struct op *op)
{
    op->io.op = IMAGE_FLUSH;
    op->io.bytes = 0;
    op->io.iovcnt = 0;
    disk_image_submit(op->ring->config.image, &op->io);
}

static void submit_data(struct op *op)
{
    op->io.op = op->req.op == BLKIF_OP_READ ? IMAGE_READ : IMAGE_WRITE;
    op->io.offset = op->req.sector * IMAGE_SECTOR;
    op->io.bytes = op->bytes;
    op->io.iov = op->map.iov;
    op->io.iovcnt = 0;
    for (unsigned i = 0; i < op->req.nr_segments; i++) {
        struct iovec *last = op->io.iovcnt ? &op->map.iov[op->io.iovcnt - 1] : NULL;
        /* what lies together in memory is one piece */
        if (last && (char *)last->iov_base + last->iov_len == op->map.iov[i].iov_base)
            last->iov_len += op->map.iov[i].iov_len;
        else
            op->map.iov[op->io.iovcnt++] = op->map.iov[i];
    }
    disk_image_submit(op->ring->config.image, &op->io);
}

/* A barrier: what was before it to the disk, its data, those to the disk; and nothing beside it. */
static void next_stage(struct op *op)
{
    switch (op->stage) {
    case PRE_FLUSH:
        op->stage = op->req.nr_segments ? DATA : POST_FLUSH;
        if (op->stage == POST_FLUSH)
            break;
        submit_data(op);
        return;
    case DATA:
        op->stage = POST_FLUSH;
        submit_flush(op);
        return;
    case POST_FLUSH:
        break;
    }
    end_op(op, BLKIF_RSP_OKAY);
}

static void count(struct op *op, int rc)
{
    struct image_stats *stats = &op->ring->config.image->stats;
    uint64_t bytes = op->io.op == IMAGE_FLUSH ? 0 : op->bytes;
    gint64 now = g_get_monotonic_time();

    if (rc) {
        stats->of[op->io.op].failed++;
        return;
    }
    stats->of[op->io.op].ops++;
    stats->of[op->io.op].bytes += bytes;
    stats->of[op->io.op].ns += (uint64_t)(now - op->since) * 1000;
    if (op->io.op == IMAGE_WRITE)
        stats->highest = MAX(stats->highest, op->req.sector * IMAGE_SECTOR + bytes);
    op->since = now;
}

static void on_done(struct image_request *r, int rc)
{
    struct op *op = (struct op *)r;
    struct blk_ring *ring = op->ring;
    bool was_barrier = op->barrier;

    count(op, rc);
    if (op->barrier && !rc)
        next_stage(op);
    else
        end_op(op, status_of(rc));
    if (was_barrier && !ring->barrier) {
        g_source_set_ready_time(ring->again, 0);
    } else if (ring->barrier && ring->under_way == 1 && !ring->barrier->io.done) {
        ring->barrier->io.done = on_done;
        submit_flush(ring->barrier);
    }
}

static struct op *new_op(struct blk_ring *ring, const struct blk_req *req)
{
    size_t n = req->nr_segments;
    struct op *op = g_malloc(sizeof(*op) + n * (sizeof(struct iovec) + sizeof(void *) +
                                                sizeof(grant_ref_t)));

    *op = (struct op){.ring = ring, .req = *req};
    op->map.iov = (struct iovec *)(op + 1);
    op->map.pages = (void **)(op->map.iov + n);
    op->map.refs = (grant_ref_t *)(op->map.pages + n);
    return op;
}

static void start_op(struct op *op)
{
    struct blk_ring *ring = op->ring;
    const uint8_t code = op->req.op;

    op->barrier = code == BLKIF_OP_WRITE_BARRIER ||
                  (code == BLKIF_OP_FLUSH_DISKCACHE && op->req.nr_segments);
    op->since = g_get_monotonic_time();
    ring->under_way++;
    if (op->barrier && ring->under_way > 1) {
        ring->barrier = op; /* on_done() starts it */
        return;
    }
    op->io.done = on_done;
    if (op->barrier)
        ring->barrier = op;
    if (code == BLKIF_OP_DISCARD) {
        op->io.op = IMAGE_DISCARD;
        op->io.offset = op->req.sector * IMAGE_SECTOR;
        op->io.bytes = op->bytes;
        disk_image_submit(ring->config.image, &op->io);
    } else if (op->barrier || code == BLKIF_OP_FLUSH_DISKCACHE) {
        submit_flush(op);
    } else {
        submit_data(op);
    }
}

static void take_one(struct blk_ring *ring)
{
    struct blkif_request_segment indirect[BLK_MAX_INDIRECT];
    const struct disk_image *img = ring->config.image;
    const struct blk_disk disk = {img->bytes / IMAGE_SECTOR, img->readonly, img->can_discard};
    uint8_t entry[BLK_MAX_ENTRY];
    struct blk_req req;
    uint64_t bytes = 0;

    ring_take(&ring->ring, entry);
    int status = blk_req_parse(entry, ring->config.abi, &req);
    const struct blkif_request_segment *seg = req.indirect ? indirect : req.seg;
    if (!status && req.indirect && blk_pages_indirect(ring->pages, &req, indirect) < 0)
        status = BLKIF_RSP_ERROR;
    if (!status)
        status = blk_req_check(&req, seg, &disk, &bytes);
    if (!status && req.op == BLKIF_OP_DISCARD && !bytes) {
        answer(ring, &req, BLKIF_RSP_OKAY);
        return;
    }
    if (status) {
        answer(ring, &req, (int16_t)status);
        return;
    }
    struct op *op = new_op(ring, &req);
    op->bytes = bytes;
    if (blk_pages_map(ring->pages, &req, seg, &op->map) < 0) {
        blk_pages_unmap(ring->pages, &op->map);
        answer(ring, &req, BLKIF_RSP_ERROR);
        g_free(op);
        return;
    }
    start_op(op);
}

/* At most a ring's full of requests, so that one guest's disk can't have the thread for itself. */
static void take_requests(struct blk_ring *ring)
{
    unsigned budget = ring->ring.entries;
    int n;

    if (ring->broken)
        return;
    do {
        while ((n = ring_waiting(&ring->ring)) > 0) {
            if (ring->closing || ring->barrier)
                return;
            if (!budget--) {
                g_source_set_ready_time(ring->again, 0);
                return;
            }
            take_one(ring);
        }
    } while (n == 0 && ring_pace_wait(ring->pace));
    if (n < 0) {
        if (!*ring->config.complained)
            g_warning("%s: the frontend's ring is broken: it has more requests than fit",
                      ring->config.name);
        *ring->config.complained = true;
        ring->broken = true;
    }
}

static void on_event(void *opaque)
{
    take_requests(opaque);
}

static bool map_ring(struct blk_ring *ring, GError **error)
{
    const struct blk_ring_config *c = &ring->config;
    int rc = c->host->ops->map_grants(c->host, c->refs, c->nr_refs, PROT_READ | PROT_WRITE,
                                      ring->ring.pages);

    if (rc < 0) {
        g_set_error(error, G_IO_ERROR, (int)g_io_error_from_errno(-rc),
                    "the ring's grants can't be mapped: %s", g_strerror(-rc));
        return false;
    }
    ring->ring.nr_pages = c->nr_refs;
    ring_init(&ring->ring, blk_entry_size(c->abi));
    ring->pages = blk_pages_new(c->host, c->persistent ? ring->ring.entries * KEPT_PER_ENTRY : 0);
    return true;
}

struct blk_ring *blk_ring_new(const struct blk_ring_config *config, GError **error)
{
    struct blk_ring *ring = g_new0(struct blk_ring, 1);

    ring->config = *config;
    ring->batch.fn = publish;
    ring->pace = ring_pace_new(&(struct ring_pace_config){&ring->ring, config->host,
                                                          blk_io_context(config->io), PACE_LIMIT_US,
                                                          on_event, ring});
    ring->again = ready_source_new(blk_io_context(config->io), on_event, ring);
    if (map_ring(ring, error))
        ring->port = config->host->ops->bind(config->host, config->port, blk_io_context(config->io),
                                             on_event, ring, error);
    ring_pace_set_port(ring->pace, ring->port);
    if (ring->port)
        return ring;
    blk_ring_free(ring);
    return NULL;
}

void blk_ring_free(struct blk_ring *ring)
{
    if (!ring)
        return;
    struct xen_host *host = ring->config.host;
    ring->closing = true;
    disk_image_hurry(ring->config.image, true);
    while (ring->under_way || ring->batch.queued)
        io_iterate(ring->config.io);
    disk_image_hurry(ring->config.image, false);
    ring_pace_flush(ring->pace);
    host->ops->unbind(ring->port);
    blk_pages_free(ring->pages);
    if (ring->ring.nr_pages)
        host->ops->unmap_grants(host, ring->config.refs, ring->ring.nr_pages,
                                PROT_READ | PROT_WRITE, ring->ring.pages);
    ready_source_free(ring->again);
    ring_pace_free(ring->pace);
    g_free(ring);
}

bool blk_ring_busy(const struct blk_ring *ring)
{
    return ring->under_way || ring->batch.queued ||
           (!ring->broken && ring_waiting(&ring->ring) > 0);
}
