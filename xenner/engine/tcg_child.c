#include "xenner/engine/tcg_child.h"
#include "emu/abi/emu_abi.h"
#include "xenner/util/child.h"
#include "xenner/util/fd_message.h"
#include "xenner/util/qmp_client.h"

#include <errno.h>
#include <fcntl.h>
#include <gio/gio.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROM_SIZE 65536

/* Numbers of the inherited descriptors in the child. */
enum { FD_RAM = 3, FD_ROM, FD_DOORBELL, FD_QMP };

/* Peers on the doorbell device. */
enum { PEER_HOST = 0, PEER_GUEST = 1 };

struct tcg_child {
    const struct tcg_child_hooks *hooks;
    void *opaque;
    struct child *process;
    struct qmp_client *qmp;
    int doorbell_server;
    int rings[EMU_DOORBELLS];     /* eventfds: the guest rang us */
    guint ring_source;
    unsigned vcpus;
    int kick[64];                 /* eventfd a vCPU */
    int tids[64]; /* 0: not asked for yet */
};

static const char *qemu_program(void)
{
    const char *env = g_getenv("XENNER_QEMU");

    return env ? env : "qemu-system-x86_64";
}

bool tcg_child_probe(GString *why_not)
{
    if (child_can_run(qemu_program()))
        return true;
    g_string_append_printf(why_not, "no '%s' in PATH (Debian: package qemu-system-x86)",
                           qemu_program());
    return false;
}

/* 64 KiB of ROM that hold one instruction: the reset vector's jump to the trampoline. */
static int make_rom(void)
{
    static const uint8_t jump[] = {0xfa, 0xea, 0x00, 0x80, 0x00, 0x00}; /* cli; ljmp 0:0x8000 */
    int fd = memfd_create("xenner-rom", MFD_CLOEXEC);

    if (fd >= 0 && (ftruncate(fd, ROM_SIZE) < 0 ||
                    pwrite(fd, jump, sizeof(jump), ROM_SIZE - 16) != (ssize_t)sizeof(jump))) {
        close(fd);
        return -1;
    }
    return fd;
}

/* One message of ivshmem's protocol: a number and perhaps a descriptor. */
static bool send_message(int sock, int64_t number, int fd)
{
    int64_t le = GINT64_TO_LE(number);

    return fd_message_send(sock, &le, sizeof(le), &fd, fd >= 0) == (ssize_t)sizeof(le);
}

/*
 * We are the device's server (docs/specs/ivshmem-spec of QEMU): protocol version, the client's own
 * id, the shared memory (unused: RAM is shared already), then each peer's doorbells: ours, one vector a
 * doorbell, and the guest's, one a vCPU.
 */
static bool serve_doorbell(struct tcg_child *c, int sock)
{
    int shm = memfd_create("xenner-doorbell", MFD_CLOEXEC);
    bool ok = shm >= 0 && ftruncate(shm, 4096) == 0 && send_message(sock, 0, -1) &&
              send_message(sock, PEER_GUEST, -1) && send_message(sock, -1, shm);

    for (unsigned i = 0; i < EMU_DOORBELLS && ok; i++)
        ok = send_message(sock, PEER_HOST, c->rings[i]);
    for (unsigned i = 0; i < c->vcpus && ok; i++)
        ok = send_message(sock, PEER_GUEST, c->kick[i]);
    if (shm >= 0)
        close(shm);
    return ok;
}

static gboolean on_guest_rings(gint fd, GIOCondition condition, gpointer data)
{
    struct tcg_child *c = data;
    uint64_t count;

    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN)
        g_warning("doorbell: %s", g_strerror(errno));
    c->hooks->doorbell(c->opaque);
    return G_SOURCE_CONTINUE;
}

static void on_child_exit(void *opaque, int status)
{
    struct tcg_child *c = opaque;
    g_autofree char *why = NULL;

    if (WIFSIGNALED(status))
        why = g_strdup_printf("the QEMU process was killed by signal %d", WTERMSIG(status));
    else
        why = g_strdup_printf("the QEMU process exited with status %d", WEXITSTATUS(status));
    c->hooks->exited(c->opaque, why);
}

static char **build_argv(const struct engine_config *cfg)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();
    uint64_t bytes = guest_mem_bytes(cfg->mem);
    unsigned max = MAX(cfg->vcpus, 2);

#define ADD(...) g_ptr_array_add(argv, g_strdup_printf(__VA_ARGS__))
    ADD("%s", qemu_program());
    ADD("-name");
    ADD("xenner-%s,debug-threads=on", cfg->name ? cfg->name : "guest");
    ADD("-nodefaults");
    ADD("-no-user-config");
    ADD("-no-reboot");
    ADD("-S");
    if (cfg->sandbox) {
        ADD("-sandbox");
        ADD("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    }
    ADD("-display");
    ADD("none");
    /* All that is not CPU, LAPIC or doorbell is off; RAM splits where guest_mem.h says. */
    ADD("-machine");
    ADD("pc,usb=off,vmport=off,smm=off,hpet=off,pit=off,i8042=off,sata=off,graphics=off,"
        "max-ram-below-4g=%llu,memory-backend=ram", GUEST_MEM_HOLE_START);
    ADD("-accel");
    ADD("tcg,thread=multi");
    ADD("-cpu");
    /* TCG runs "rep stosb" and "rep movsb" a byte at a time; a kernel that sees ERMS prefers them. */
    ADD("max,smap=off,smep=off,pku=off,la57=off,erms=off");
    /* A machine that can never have two vCPUs gets locked instructions that are not atomic against
     * other processes, and we are one. */
    ADD("-smp");
    ADD("%u,maxcpus=%u,sockets=%u,cores=1,threads=1", cfg->vcpus, max, max);
    ADD("-m");
    ADD("size=%" G_GUINT64_FORMAT "k", bytes >> 10);
    ADD("-object");
    ADD("memory-backend-file,id=ram,size=%" G_GUINT64_FORMAT ",mem-path=/proc/self/fd/%d,share=on,"
        "align=2M", /* as huge pages need it */
        bytes, FD_RAM);
    ADD("-bios");
    ADD("/proc/self/fd/%d", FD_ROM);
    ADD("-chardev");
    ADD("socket,id=doorbell,fd=%d", FD_DOORBELL);
    ADD("-device");
    ADD("ivshmem-doorbell,chardev=doorbell,vectors=%u", MAX(cfg->vcpus, EMU_DOORBELLS));
    ADD("-chardev");
    ADD("socket,id=qmp,fd=%d", FD_QMP);
    ADD("-mon");
    ADD("chardev=qmp,mode=control");
#undef ADD
    g_ptr_array_add(argv, NULL);
    return (char **)g_ptr_array_steal(argv, NULL);
}

static bool socket_pair(int pair[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0;
}

static bool open_doorbells(struct tcg_child *c)
{
    for (unsigned i = 0; i < EMU_DOORBELLS; i++) {
        c->rings[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->rings[i] < 0)
            return false;
    }
    for (unsigned i = 0; i < c->vcpus; i++) {
        c->kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (c->kick[i] < 0)
            return false;
    }
    c->ring_source = g_unix_fd_add(c->rings[0], G_IO_IN, on_guest_rings, c);
    return true;
}

static bool qmp_command(struct tcg_child *c, const char *name, GError **error)
{
    bool ok = qmp_client_do(c->qmp, name, NULL, -1, NULL, error);

    if (!ok)
        g_prefix_error(error, "the QEMU process did not obey '%s': ", name);
    return ok;
}

static bool start_process(struct tcg_child *c, const struct engine_config *cfg, GError **error)
{
    int doorbell[2] = {-1, -1}, qmp[2] = {-1, -1}, rom = make_rom();
    g_auto(GStrv) argv = build_argv(cfg);

    if (rom < 0 || !socket_pair(doorbell) || !socket_pair(qmp) || !open_doorbells(c) ||
        !serve_doorbell(c, doorbell[0])) {
        g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED, "could not set up the doorbells: %s",
                    g_strerror(errno));
    } else {
        const struct child_fd fds[] = {{guest_mem_fd(cfg->mem), FD_RAM},
                                       {rom, FD_ROM},
                                       {doorbell[1], FD_DOORBELL},
                                       {qmp[1], FD_QMP}};
        c->process = child_spawn_guest(argv, fds, G_N_ELEMENTS(fds), on_child_exit, c, error);
    }
    c->doorbell_server = doorbell[0];
    c->qmp = qmp[0] >= 0 ? qmp_client_new(qmp[0], "QEMU") : NULL;
    for (unsigned i = 0; i < 3; i++) {
        int fd = i == 0 ? rom : i == 1 ? doorbell[1] : qmp[1];
        if (fd >= 0)
            close(fd);
    }
    return c->process != NULL;
}

struct tcg_child *tcg_child_new(const struct engine_config *cfg, const struct tcg_child_hooks *hooks,
                                void *opaque, GError **error)
{
    struct tcg_child *c = g_new0(struct tcg_child, 1);

    g_assert(cfg->vcpus <= G_N_ELEMENTS(c->kick));
    c->hooks = hooks;
    c->opaque = opaque;
    c->vcpus = cfg->vcpus;
    c->doorbell_server = -1;
    memset(c->rings, -1, sizeof(c->rings));
    for (unsigned i = 0; i < c->vcpus; i++)
        c->kick[i] = -1;
    if (!start_process(c, cfg, error)) {
        tcg_child_free(c);
        return NULL;
    }
    return c;
}

bool tcg_child_run(struct tcg_child *c, GError **error)
{
    return qmp_command(c, "cont", error);
}

bool tcg_child_stop(struct tcg_child *c, GError **error)
{
    return qmp_command(c, "stop", error);
}

/* The answer, if it is of that type. */
static JsonNode *ask(struct tcg_child *c, const char *name, JsonObject *args, JsonNodeType type)
{
    g_autoptr(JsonNode) node = NULL;

    return qmp_client_do(c->qmp, name, args, -1, &node, NULL) && JSON_NODE_TYPE(node) == type
               ? g_steal_pointer(&node) : NULL;
}

int tcg_child_tid(struct tcg_child *c, unsigned vcpu)
{
    g_autoptr(JsonNode) node = NULL;

    if (!c->tids[0] && (node = ask(c, "query-cpus-fast", NULL, JSON_NODE_ARRAY))) {
        JsonArray *list = json_node_get_array(node);
        for (guint i = 0; i < MIN(json_array_get_length(list), c->vcpus); i++)
            c->tids[i] = (int)json_object_get_int_member_with_default(
                json_array_get_object_element(list, i), "thread-id", 0);
    }
    return vcpu < c->vcpus ? c->tids[vcpu] : 0;
}

void tcg_child_registers(struct tcg_child *c, unsigned vcpu, GString *out)
{
    JsonObject *args = json_object_new();

    json_object_set_string_member(args, "command-line", "info registers");
    json_object_set_int_member(args, "cpu-index", vcpu);
    g_autoptr(JsonNode) node = ask(c, "human-monitor-command", args, JSON_NODE_VALUE);
    const char *text = node ? json_node_get_string(node) : NULL;

    for (const char *s = text ? text : ""; *s; s++) {
        if (*s != '\r')
            g_string_append_c(out, *s);
    }
}

int tcg_child_doorbell_fd(struct tcg_child *c, unsigned n)
{
    return n < EMU_DOORBELLS ? c->rings[n] : -1;
}

void tcg_child_kick(struct tcg_child *c, unsigned vcpu)
{
    static const uint64_t one = 1;

    /* Full (EAGAIN) is as good: it is signalled already. */
    if (vcpu < c->vcpus && write(c->kick[vcpu], &one, sizeof(one)) < 0 && errno != EAGAIN)
        g_warning("kick of vCPU %u: %s", vcpu, g_strerror(errno));
}

void tcg_child_free(struct tcg_child *c)
{
    if (!c)
        return;
    child_free(c->process);
    if (c->ring_source)
        g_source_remove(c->ring_source);
    for (unsigned i = 0; i < c->vcpus; i++) {
        if (c->kick[i] >= 0)
            close(c->kick[i]);
    }
    qmp_client_free(c->qmp);
    for (unsigned i = 0; i < EMU_DOORBELLS; i++) {
        if (c->rings[i] >= 0)
            close(c->rings[i]);
    }
    if (c->doorbell_server >= 0)
        close(c->doorbell_server);
    g_free(c);
}
