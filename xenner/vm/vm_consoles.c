/* The machine's chardevs, and the consoles that the guest has on them. */
#include "xenner/vm/vm_priv.h"
#include "xenner/backend/console.h"
#include "xenner/chardev/chardev.h"
#include "xenner/domain/domain.h"
#include "xenner/vm/doors.h"
#include "xenner/vm/vm_handover.h"
#include "xenner/vm/vm_screen.h"

#include <stdio.h>
#include <string.h>

struct chardev *vm_chardev(struct vm *vm, const char *id)
{
    for (guint i = 0; i < vm->chardevs->len; i++) {
        struct chardev *chr = g_ptr_array_index(vm->chardevs, i);
        if (strcmp(chardev_id(chr), id) == 0)
            return chr;
    }
    return NULL;
}

/* What QEMU prints for a pty, so that people and scripts find it. */
static void announce(const struct chardev *chr)
{
    const char *label = chardev_label(chr);

    if (g_str_has_prefix(label, "pty:"))
        fprintf(stderr, "char device redirected to %s (label %s)\n", label + 4, chardev_id(chr));
}

bool vm_open_chardevs(struct vm *vm, GError **error)
{
    for (guint i = 0; i < vm->cfg->chardevs->len; i++) {
        const struct chardev_config *c = g_ptr_array_index(vm->cfg->chardevs, i);
        struct chardev *chr = chardev_new(c, error);
        if (!chr) {
            g_prefix_error(error, "%s: ", c->origin.text);
            return false;
        }
        g_ptr_array_add(vm->chardevs, chr);
        announce(chr);
    }
    return true;
}

static gboolean quit_soon(gpointer data)
{
    vm_quit(data, EXIT_OK);
    return G_SOURCE_REMOVE;
}

static void print_escapes(struct vm *vm, struct console_backend *console)
{
    unsigned code = vm->cfg->escape_key ? vm->cfg->escape_key : 1;
    g_autofree char *key = code < ' ' ? g_strdup_printf("C-%c", g_ascii_tolower((char)(code + '@')))
                                      : g_strdup_printf("%c", code);
    g_autofree char *help = g_strdup_printf("\r\n%s h    print this help\r\n%s x    exit\r\n"
                                            "%s %s  send %s\r\n", key, key, key, key, key);

    console_backend_debug_out(console, help, strlen(help));
}

/* The keys that mean something without a monitor: QEMU's x and h. */
static void on_escape(void *opaque, struct console_backend *console, char key)
{
    struct vm *vm = opaque;

    if (key == 'x')
        g_idle_add(quit_soon, vm);
    else if (key == 'h')
        print_escapes(vm, console);
}

static void on_text(void *opaque, const uint8_t *data, size_t len)
{
    struct vm *vm = opaque;

    vm_screen_text(vm->screen, data, len);
    vm_handover_hear(vm->handover, data, len);
}

static struct console_backend *open_console(struct vm *vm, unsigned n, GError **error)
{
    const struct console_config *c = g_ptr_array_index(vm->cfg->consoles, n);
    struct chardev *chr = vm_chardev(vm, c->chardev);
    xen_pfn_t gfn;
    evtchn_port_t port;

    g_assert(chr); /* vm_config_validate() looked */
    if (domain_console(vm->domain, n, &gfn, &port))
        return console_backend_new(domain_host(vm->domain), gfn, port, chr, error);
    if (n == 0)
        return console_backend_new_tty(domain_host(vm->domain),
                                       vm->cfg->type == GUEST_HVM ? "serial/0/tty" : "console/tty", chr);
    return console_backend_new_device(domain_host(vm->domain), n, chr, error);
}

static const char *console_label(struct vm *vm, unsigned n)
{
    const struct console_config *c = g_ptr_array_index(vm->cfg->consoles, n);

    return chardev_label(vm_chardev(vm, c->chardev));
}

bool vm_open_consoles(struct vm *vm, GError **error)
{
    for (guint i = 0; i < vm->cfg->consoles->len; i++) {
        struct console_backend *console = open_console(vm, i, error);
        if (!console)
            return false;
        console_backend_set_escape(console, on_escape, vm);
        if (i == 0)
            console_backend_set_tap(console, on_text, vm);
        g_ptr_array_add(vm->consoles, console);
        vm_doors_console(vm->doors, vm->domain, i, console_label(vm, i));
    }
    return true;
}
