#include "qemu-compat/fdset.h"

#include <unistd.h>

struct fdsets {
    GArray *fds; /* struct fdset_fd, sorted by set */
};

struct fdsets *fdsets_new(const GArray *inherited)
{
    struct fdsets *sets = g_new0(struct fdsets, 1);

    sets->fds = g_array_new(FALSE, FALSE, sizeof(struct fdset_fd));
    g_array_set_clear_func(sets->fds, fdset_fd_clear);
    for (guint i = 0; i < inherited->len; i++) {
        const struct fdset_fd *f = &g_array_index(inherited, struct fdset_fd, i);
        fdsets_add(sets, (int64_t)f->set, f->fd, f->opaque);
        if (f->used)
            g_array_index(sets->fds, struct fdset_fd, sets->fds->len - 1).used = true;
    }
    return sets;
}

static struct fdset_fd *at(const struct fdsets *sets, guint i)
{
    return &g_array_index(sets->fds, struct fdset_fd, i);
}

void fdsets_free(struct fdsets *sets)
{
    for (guint i = 0; i < sets->fds->len; i++)
        close(at(sets, i)->fd);
    g_array_unref(sets->fds);
    g_free(sets);
}

/* The lowest that is free: the array is sorted. */
static int64_t free_id(const struct fdsets *sets)
{
    uint64_t id = 0;

    for (guint i = 0; i < sets->fds->len; i++)
        id += at(sets, i)->set == id;
    return (int64_t)id;
}

int64_t fdsets_add(struct fdsets *sets, int64_t id, int fd, const char *opaque)
{
    struct fdset_fd f = {.set = (uint64_t)(id < 0 ? free_id(sets) : id), .fd = fd,
                         .opaque = g_strdup(opaque)};
    guint i = 0;

    while (i < sets->fds->len && at(sets, i)->set <= f.set)
        i++;
    g_array_insert_val(sets->fds, i, f);
    return (int64_t)f.set;
}

bool fdsets_remove(struct fdsets *sets, int64_t id, int64_t fd)
{
    bool any = false;

    for (guint i = sets->fds->len; i-- > 0;) {
        struct fdset_fd *f = at(sets, i);
        if (f->removed || id < 0 || f->set != (uint64_t)id || (fd >= 0 && f->fd != fd))
            continue;
        any = f->removed = true;
        if (f->used)
            continue;
        close(f->fd);
        g_array_remove_index(sets->fds, i);
    }
    return any;
}

JsonArray *fdsets_list(const struct fdsets *sets)
{
    JsonArray *list = json_array_new(), *fds = NULL;
    uint64_t last = 0;

    for (guint i = 0; i < sets->fds->len; i++) {
        const struct fdset_fd *f = at(sets, i);
        if (f->removed)
            continue;
        JsonObject *one = json_object_new();
        if (!fds || f->set != last) {
            JsonObject *set = json_object_new();
            fds = json_array_new();
            json_object_set_int_member(set, "fdset-id", (gint64)(last = f->set));
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

GArray *fdsets_all(struct fdsets *sets)
{
    return sets->fds;
}
