#include "qemu-compat/fdset.h"

#include <unistd.h>

struct fdset_fd {
    int64_t set;
    int fd;
    char *opaque;
};

struct fdsets {
    GPtrArray *fds; /* struct fdset_fd *, owned, sorted by set */
};

static void free_fd(gpointer data)
{
    struct fdset_fd *f = data;

    close(f->fd);
    g_free(f->opaque);
    g_free(f);
}

struct fdsets *fdsets_new(void)
{
    struct fdsets *sets = g_new0(struct fdsets, 1);

    sets->fds = g_ptr_array_new_with_free_func(free_fd);
    return sets;
}

void fdsets_free(struct fdsets *sets)
{
    g_ptr_array_unref(sets->fds);
    g_free(sets);
}

/* The lowest that is free: the array is sorted. */
static int64_t free_id(const struct fdsets *sets)
{
    int64_t id = 0;

    for (guint i = 0; i < sets->fds->len; i++) {
        const struct fdset_fd *f = g_ptr_array_index(sets->fds, i);
        if (f->set == id)
            id++;
    }
    return id;
}

int64_t fdsets_add(struct fdsets *sets, int64_t id, int fd, const char *opaque)
{
    struct fdset_fd *f = g_new0(struct fdset_fd, 1);
    guint at = 0;

    f->set = id < 0 ? free_id(sets) : id;
    f->fd = fd;
    f->opaque = g_strdup(opaque);
    while (at < sets->fds->len &&
           ((const struct fdset_fd *)g_ptr_array_index(sets->fds, at))->set <= f->set)
        at++;
    g_ptr_array_insert(sets->fds, (gint)at, f);
    return f->set;
}

bool fdsets_remove(struct fdsets *sets, int64_t id, int64_t fd)
{
    bool any = false;

    for (guint i = sets->fds->len; i > 0; i--) {
        const struct fdset_fd *f = g_ptr_array_index(sets->fds, i - 1);
        if (f->set != id || (fd >= 0 && f->fd != fd))
            continue;
        g_ptr_array_remove_index(sets->fds, i - 1);
        any = true;
    }
    return any;
}

JsonArray *fdsets_list(const struct fdsets *sets)
{
    JsonArray *list = json_array_new(), *fds = NULL;
    int64_t last = -1;

    for (guint i = 0; i < sets->fds->len; i++) {
        const struct fdset_fd *f = g_ptr_array_index(sets->fds, i);
        JsonObject *one = json_object_new();
        if (!fds || f->set != last) {
            JsonObject *set = json_object_new();
            fds = json_array_new();
            json_object_set_int_member(set, "fdset-id", last = f->set);
            json_object_set_array_member(set, "fds", fds);
            json_array_add_object_element(list, set);
        }
        json_object_set_int_member(one, "fd", f->fd);
        if (f->opaque)
            json_object_set_string_member(one, "opaque", f->opaque);
        json_array_add_object_element(fds, one);
    }
    return list;
}
