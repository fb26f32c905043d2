#include "xenner/vm/vm_handover.h"
#include "xenner/backend/console.h"
#include "xenner/domain/domain.h"
#include "xenner/vm/boot_ahead.h"
#include "xenner/vm/vm_priv.h"
#include "xenner/vm/vm_source.h"

#include <string.h>

#define ANNOUNCEMENT "Booting `" /* GRUB's, then a title and a quote at the end of a line */
#define MAX_TITLE 255
#define POLL_MS 20
#define AHEAD_S 30 /* then somebody reads a menu, and the host may have its memory back */

struct vm_handover {
    struct vm *vm;
    bool listening;
    size_t matched;   /* bytes of ANNOUNCEMENT */
    GString *title;   /* what follows them, and nothing else when it is to be looked at soon */
    guint soon, poll, late; /* sources */
    struct boot_ahead *ahead; /* or NULL */
};

struct vm_handover *vm_handover_new(struct vm *vm)
{
    struct vm_handover *h = g_new0(struct vm_handover, 1);

    h->vm = vm;
    h->title = g_string_new(NULL);
    return h;
}

static void forget_line(struct vm_handover *h)
{
    h->matched = 0;
    g_string_truncate(h->title, 0);
}

void vm_handover_drop_ahead(struct vm_handover *h)
{
    if (!h)
        return;
    g_clear_handle_id(&h->late, g_source_remove);
    boot_ahead_free(g_steal_pointer(&h->ahead));
}

static gboolean on_late(gpointer data)
{
    struct vm_handover *h = data;

    h->late = 0;
    vm_handover_drop_ahead(h);
    return G_SOURCE_REMOVE;
}

/* GRUB writes its line, and tells nobody before it has unpacked a good part of the kernel. */
static gboolean on_poll(gpointer data)
{
    struct vm_handover *h = data;

    if (domain_os_runs(h->vm->domain))
        h->listening = false;
    else if (h->vm->consoles->len)
        console_backend_poll(g_ptr_array_index(h->vm->consoles, 0));
    if (h->listening)
        return G_SOURCE_CONTINUE;
    h->poll = 0;
    if (!h->soon)
        vm_handover_drop_ahead(h);
    return G_SOURCE_REMOVE;
}

void vm_handover_begin(struct vm_handover *h, struct domain *d)
{
    if (!h || domain_os_runs(d) || !vm_source_check(h->vm))
        return;
    h->listening = true;
    h->poll = g_timeout_add(POLL_MS, on_poll, h);
    h->late = g_timeout_add_seconds(AHEAD_S, on_late, h);
    h->ahead = boot_ahead_new(h->vm->cfg, h->vm->source, domain_accel(d));
}

void vm_handover_end(struct vm_handover *h)
{
    if (!h)
        return;
    h->listening = false;
    forget_line(h);
    g_clear_handle_id(&h->soon, g_source_remove);
    g_clear_handle_id(&h->poll, g_source_remove);
    vm_handover_drop_ahead(h);
}

/* The guest stands still. True: its domain is another one now, or none. */
static bool take_over(struct vm_handover *h, const char *title)
{
    struct boot_images images = {0};
    g_autoptr(GError) error = NULL;
    bool got = false;

    if (domain_os_runs(h->vm->domain))
        return false;
    boot_ahead_wait(h->ahead);
    if ((got = vm_source_get(h->vm, title, &images, &error))) {
        const struct vm_handed_over what = {&images, boot_ahead_take(h->ahead, &images)};
        g_log("domain", G_LOG_LEVEL_DEBUG, "the boot menu's entry '%s' is started without the boot loader%s", title,
              what.prepared ? ", and was built already" : "");
        vm_start_handed_over(h->vm, &what);
    } else {
        g_log("domain", G_LOG_LEVEL_DEBUG, "the boot menu's entry '%s' is the boot loader's to start: %s", title,
              error->message);
    }
    boot_images_clear(&images);
    return got;
}

/*
 * GRUB must not go on meanwhile: what it starts could have the disks in use before its domain is ended. So it is stopped
 * first, and then it counts what runs there.
 */
static gboolean on_announced(gpointer data)
{
    struct vm_handover *h = data;
    g_autofree char *title = g_strdup(h->title->str); /* which goes with the domain */
    g_autoptr(GError) error = NULL;
    struct vm *vm = h->vm;
    bool run = vm->state == RUN_RUNNING;

    h->soon = 0;
    if (run && !domain_set_running(vm->domain, false, &error)) {
        g_warning("%s", error->message);
    } else if (!take_over(h, title) && run && !domain_set_running(vm->domain, true, &error)) {
        g_message("%s", error->message);
        vm_quit(vm, EXIT_ERROR);
    }
    vm_handover_drop_ahead(h);
    return G_SOURCE_REMOVE;
}

/* A line with an announcement is over. The first only: a second one comes after an entry that failed, or was a menu. */
static bool announce(struct vm_handover *h)
{
    gsize len = h->title->len;

    if (len < 2 || h->title->str[len - 1] != '\'')
        return false;
    g_string_truncate(h->title, len - 1);
    h->soon = g_idle_add_full(G_PRIORITY_HIGH, on_announced, h, NULL);
    h->listening = false;
    return true;
}

static void hear_byte(struct vm_handover *h, char c)
{
    if (h->matched < strlen(ANNOUNCEMENT)) {
        h->matched = c == ANNOUNCEMENT[h->matched] ? h->matched + 1 : c == ANNOUNCEMENT[0];
        return;
    }
    if ((unsigned char)c >= ' ' && h->title->len <= MAX_TITLE) {
        g_string_append_c(h->title, c);
        return;
    }
    if ((c != '\r' && c != '\n') || !announce(h))
        forget_line(h);
}

void vm_handover_hear(struct vm_handover *h, const uint8_t *data, size_t len)
{
    for (size_t i = 0; h && h->listening && i < len; i++)
        hear_byte(h, (char)data[i]);
}

void vm_handover_free(struct vm_handover *h)
{
    if (!h)
        return;
    vm_handover_end(h);
    g_string_free(h->title, TRUE);
    g_free(h);
}
