/* run=hostile_fb: a framebuffer's and a keyboard's frontend with geometries, events and rings of garbage. */
#include "front.h"
#include "hostile.h"

#include <xen/io/fbif.h>
#include <xen/io/kbdif.h>

#define WIDTH  64
#define HEIGHT 32

static struct front front, keyboard;
static struct xenfb_page *page;
static uint64_t *directory;
static uint8_t *pixels[2];

static void good_page(void)
{
    page_clear(page);
    page->width = WIDTH;
    page->height = HEIGHT;
    page->line_length = WIDTH * 4;
    page->mem_length = WIDTH * HEIGHT * 4;
    page->depth = 32;
    page->pd[0] = mfn_of(directory);
    for (unsigned i = 0; i < ARRAY_SIZE(pixels); i++)
        directory[i] = mfn_of(pixels[i]);
}

static bool connect(struct front *f, const void *shared, XenbusState outcome)
{
    front_open_port(f);
    xs_write(f->dir, "page-ref", "%lu", mfn_of(shared));
    xs_write(f->dir, "event-channel", "%u", f->port);
    return front_go(f, XenbusStateInitialised, outcome);
}

static bool again(void)
{
    if (!front_reset(&front))
        return false;
    good_page();
    return connect(&front, page, XenbusStateConnected);
}

static void push(unsigned prod)
{
    smp_mb();
    READ_ONCE(page->out_prod) = prod;
    smp_mb();
    front_kick(&front);
}

/* An update is taken. */
static bool works(void)
{
    uint32_t prod = page->out_prod;
    union xenfb_out_event e = {.update = {XENFB_TYPE_UPDATE, 0, 0, WIDTH, HEIGHT}};

    memcpy(&XENFB_OUT_RING_REF(page, prod), &e, sizeof(e));
    push(prod + 1);
    return wait_for(READ_ONCE(page->out_cons) == prod + 1, 5 * S);
}

static void bad_geometry(void)
{
    static const struct {
        int32_t width, height;
        uint32_t stride, bytes;
        uint8_t depth;
    } row[] = {
        {0, HEIGHT, 256, 8192, 32},          {-1, HEIGHT, 256, 8192, 32},
        {WIDTH, 0, 256, 8192, 32},           {WIDTH, INT32_MIN, 256, 8192, 32},
        {INT32_MAX, INT32_MAX, 256, 8192, 32}, {WIDTH, HEIGHT, 0, 8192, 32},
        {WIDTH, HEIGHT, 255, 8192, 32},      {WIDTH, HEIGHT, 0x80000000, 8192, 32},
        {WIDTH, HEIGHT, 0xffffffff, 8192, 32}, {WIDTH, HEIGHT, 256, 0, 32},
        {WIDTH, HEIGHT, 256, 8191, 32},      {WIDTH, HEIGHT, 256, 0xffffffff, 32},
        {WIDTH, HEIGHT, 256, 8192, 24},      {WIDTH, HEIGHT, 256, 8192, 0},
        {16384, 16384, 65536, 0x40000000, 32}, {65537, 65537, 8, 8192, 8},
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        front_reset(&front);
        good_page();
        page->width = row[i].width;
        page->height = row[i].height;
        page->line_length = row[i].stride;
        page->mem_length = row[i].bytes;
        page->depth = row[i].depth;
        ok(connect(&front, page, XenbusStateClosing), "fb: geometry %u is refused", i);
    }
    ok(again() && works(), "fb: it comes again");
}

static void bad_frames(void)
{
    static const uint64_t frames[] = {0, 0x100, NO_FRAME, ~0ull};

    for (unsigned i = 0; i < ARRAY_SIZE(frames); i++) {
        front_reset(&front);
        good_page();
        page->pd[0] = frames[i];
        ok(connect(&front, page, XenbusStateClosing), "fb: directory at frame 0x%lx", frames[i]);
        front_reset(&front);
        good_page();
        directory[1] = frames[i];
        ok(connect(&front, page, XenbusStateClosing), "fb: pixels at frame 0x%lx", frames[i]);
    }
    ok(again() && works(), "fb: it comes again");
}

static void odd_events(void)
{
    static const struct xenfb_update updates[] = {
        {XENFB_TYPE_UPDATE, INT32_MIN, INT32_MIN, INT32_MAX, INT32_MAX},
        {XENFB_TYPE_UPDATE, INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX},
        {XENFB_TYPE_UPDATE, -1, -1, 2, 2}, {XENFB_TYPE_UPDATE, 0, 0, -1, -1},
        {XENFB_TYPE_UPDATE, WIDTH, HEIGHT, 1, 1}, {7, 0, 0, 0, 0}, {255, 1, 2, 3, 4}};
    uint32_t prod = page->out_prod;

    for (unsigned i = 0; i < 300; i++) {
        if (!wait_for(prod - READ_ONCE(page->out_cons) < XENFB_OUT_RING_LEN, 5 * S))
            break;
        memcpy(&XENFB_OUT_RING_REF(page, prod), &updates[i % ARRAY_SIZE(updates)],
               sizeof(updates[0]));
        if (++prod % 30 == 0)
            push(prod);
    }
    push(prod);
    ok(wait_for(READ_ONCE(page->out_cons) == prod, 5 * S) && works(), "fb: 300 odd events");
}

/* What closes the device; the frontend may come again. */
static void broken_rings(void)
{
    static const struct xenfb_resize resizes[] = {
        {XENFB_TYPE_RESIZE, INT32_MAX, 1, 256, 32, 0}, {XENFB_TYPE_RESIZE, 64, 32, 256, 32, 1},
        {XENFB_TYPE_RESIZE, 64, 32, 256, 32, -256},    {XENFB_TYPE_RESIZE, 64, 33, 256, 32, 0},
        {XENFB_TYPE_RESIZE, 64, 32, 256, 256 + 32, 0}, {XENFB_TYPE_RESIZE, 64, 32, -256, 32, 8192},
    };
    static const uint32_t jumps[] = {52, 5000, 0x80000000, 0xffffffff};

    for (unsigned i = 0; i < ARRAY_SIZE(resizes); i++) {
        memcpy(&XENFB_OUT_RING_REF(page, page->out_prod), &resizes[i], sizeof(resizes[i]));
        push(page->out_prod + 1);
        ok(front_wait(&front, XenbusStateClosing), "fb: bad resize %u: closed", i);
        ok(again() && works(), "fb: it comes again");
    }
    for (unsigned i = 0; i < ARRAY_SIZE(jumps); i++) {
        push(page->out_cons + jumps[i]);
        ok(front_wait(&front, XenbusStateClosing), "fb: %u events at once: closed", jumps[i]);
        ok(again() && works(), "fb: it comes again");
    }
}

/* Its input ring is looked at when there is input: the test outside types. */
static void keyboard_ring(void)
{
    volatile struct xenkbd_page *shared = page_alloc();

    if (!front_find(&keyboard, "vkbd", 0) || !front_wait(&keyboard, XenbusStateInitWait) ||
        !connect(&keyboard, (void *)shared, XenbusStateConnected))
        bail_out("no keyboard");
    for (unsigned i = 0; i < 100; i++) {
        shared->out_prod = i * 0x1234567;
        front_kick(&keyboard);
    }
    ok(wait_for(shared->out_cons == shared->out_prod, 5 * S), "kbd: events of no meaning");
    shared->in_cons = shared->in_prod + 5000;
    note("type");
    ok(front_wait(&keyboard, XenbusStateClosing), "kbd: 5000 events taken that never were: closed");
    front_reset(&keyboard);
    page_clear((void *)shared);
    ok(connect(&keyboard, (void *)shared, XenbusStateConnected), "kbd: it comes again");
    note("type");
    ok(wait_for(shared->in_prod > 0, 10 * S), "kbd: and hears keys");
}

void test_hostile_fb(void)
{
    xs_init();
    page = page_alloc();
    directory = page_alloc();
    pixels[0] = page_alloc();
    pixels[1] = page_alloc();
    if (!front_find(&front, "vfb", 0) || !front_wait(&front, XenbusStateInitWait))
        bail_out("no framebuffer");
    good_page();
    ok(connect(&front, page, XenbusStateConnected) && works(), "fb: works");
    bad_geometry();
    bad_frames();
    odd_events();
    broken_rings();
    keyboard_ring();
    ok(works(), "fb: works");
}
