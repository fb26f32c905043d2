#include "xenner/vm/vm_display.h"
#include "xenner/display/display.h"
#include "xenner/display/key_queue.h"
#include "xenner/display/keymap.h"
#include "xenner/display/shot.h"
#include "xenner/display/vnc.h"
#include "xenner/domain/domain.h"
#include "xenner/vm/vm_priv.h"
#include "xenner/vm/vm_screen.h"

#include <gio/gio.h>
#include <string.h>

static struct display *display_of(struct vm *vm)
{
    return vm_screen_display(vm_screen(vm));
}

bool vm_has_screen(struct vm *vm, GError **error)
{
    bool ours = vm_configuration(vm)->type != GUEST_HVM;

    if (!ours)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                    "the device model has the screen of an HVM guest: over VNC only");
    return ours;
}

bool vm_screendump(struct vm *vm, const char *path, enum vm_shot_format format, GError **error)
{
    return vm_has_screen(vm, error) &&
           display_shot(display_of(vm), path, format == VM_SHOT_PNG ? SHOT_PNG : SHOT_PPM, error);
}

unsigned vm_key_by_name(const char *name)
{
    const struct key *k = key_by_qcode(name);

    return k ? k->code : 0;
}

unsigned vm_key_by_number(uint32_t number)
{
    const struct key *k = key_by_number(number);

    return k ? k->code : 0;
}

bool vm_send_keys(struct vm *vm, const unsigned *codes, unsigned n, unsigned hold_ms, GError **error)
{
    if (!vm_has_screen(vm, error))
        return false;
    bool ok = key_queue_add(vm_screen_keys(vm_screen(vm)), codes, n, hold_ms);

    if (!ok)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "too many keys");
    return ok;
}

void vm_key(struct vm *vm, unsigned code, bool down)
{
    display_key(display_of(vm), code, down);
}

/* From 0 to VM_POINTER_MAX, to pixels. */
static unsigned place(int v, unsigned pixels)
{
    return (unsigned)((uint64_t)MIN(v, VM_POINTER_MAX) * (pixels - 1) / VM_POINTER_MAX);
}

void vm_pointer(struct vm *vm, int x, int y)
{
    struct display *d = display_of(vm);
    const struct surface *s = display_surface(d);
    unsigned px, py;

    if (!s)
        return;
    display_where(d, &px, &py);
    display_pointer(d, x < 0 ? px : place(x, s->width), y < 0 ? py : place(y, s->height));
}

void vm_pointer_move(struct vm *vm, int dx, int dy)
{
    display_move(display_of(vm), dx, dy);
}

void vm_wheel(struct vm *vm, int steps)
{
    display_wheel(display_of(vm), steps);
}

bool vm_pointer_is_absolute(struct vm *vm)
{
    return display_is_absolute(display_of(vm));
}

static struct vnc *nth(struct vm *vm, unsigned i)
{
    return vm_screen_vnc(vm_screen(vm), vm_vnc_config(vm, i)->id);
}

const struct vnc_config *vm_vnc_config(struct vm *vm, unsigned i)
{
    const struct vm_config *cfg = vm_configuration(vm);

    return i < cfg->vncs->len ? g_ptr_array_index(cfg->vncs, i) : NULL;
}

unsigned vm_vnc_clients(struct vm *vm, unsigned i)
{
    struct vnc *v = nth(vm, i);

    return v ? vnc_clients(v) : 0;
}

const struct vnc_address *vm_vnc_client(struct vm *vm, unsigned i, unsigned client)
{
    return vnc_client_address(nth(vm, i), client);
}

/* Of the device model's server: as configured, with the display that it found to be free. */
static bool model_address(struct vm *vm, const struct vnc_config *c, struct vnc_address *ret)
{
    struct xen_host *host = domain_host(vm->domain);
    g_autofree char *node = g_strdup_printf("/local/domain/%u/console/vnc-port", host->domid);

    if (c->none)
        return false;
    *ret = (struct vnc_address){.family = "unix", .host = g_strdup(""), .service = g_strdup(c->path)};
    if (c->path)
        return true;
    g_free(ret->host);
    ret->host = g_strdup(c->host && *c->host ? c->host : "127.0.0.1");
    ret->family = strchr(ret->host, ':') ? "ipv6" : "ipv4";
    ret->service = host->xs->read(host, 0, node, NULL);
    if (!ret->service)
        ret->service = g_strdup_printf("%u", 5900 + c->display);
    return true;
}

bool vm_vnc_address(struct vm *vm, unsigned i, struct vnc_address *ret)
{
    struct vnc *v = nth(vm, i);

    return v ? vnc_server_address(v, ret) : model_address(vm, vm_vnc_config(vm, i), ret);
}

static struct vnc *find(struct vm *vm, const char *id, GError **error)
{
    struct vnc *v = vm_screen_vnc(vm_screen(vm), id);

    if (!vm_has_screen(vm, error))
        return NULL;
    if (!v)
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
                    id ? "there is no VNC server '%.100s'" : "there is no VNC server", id);
    return v;
}

bool vm_vnc_set_password(struct vm *vm, const char *id, const char *secret, GError **error)
{
    struct vnc *v = find(vm, id, error);

    return v && vnc_set_password(v, secret, error);
}

bool vm_vnc_expire(struct vm *vm, const char *id, int64_t when, GError **error)
{
    struct vnc *v = find(vm, id, error);

    if (v)
        vnc_expire_password(v, when);
    return v != NULL;
}

bool vm_vnc_add_client(struct vm *vm, int fd, bool skip_auth, GError **error)
{
    struct vnc *v = find(vm, NULL, error);

    if (v)
        vnc_add_client(v, fd, skip_auth);
    return v != NULL;
}
