/*
 * The QEMU process of the tcg engine: CPUs, LAPICs and RAM, no firmware; an ivshmem device's doorbells
 * in both directions; its monitor on a socket pair, for stop and cont.
 */
#pragma once

#include "xenner/engine/engine.h"

struct tcg_child;

struct tcg_child_hooks {
    void (*doorbell)(void *opaque);                /* the guest rang */
    void (*exited)(void *opaque, const char *why); /* QEMU is gone */
};

bool tcg_child_probe(GString *why_not);
/* Starts QEMU, its vCPUs stopped before their first instruction. */
struct tcg_child *tcg_child_new(const struct engine_config *cfg, const struct tcg_child_hooks *hooks,
                                void *opaque, GError **error);
/* Waits for QEMU's answer. */
bool tcg_child_run(struct tcg_child *c, GError **error);
bool tcg_child_stop(struct tcg_child *c, GError **error);
/* QEMU's thread of that vCPU; 0 when it does not say. */
int tcg_child_tid(struct tcg_child *c, unsigned vcpu);
/* What QEMU has to say of a vCPU's registers. */
void tcg_child_registers(struct tcg_child *c, unsigned vcpu, GString *out);
/* The eventfd of doorbell n, see engine.h. */
int tcg_child_doorbell_fd(struct tcg_child *c, unsigned n);
/* Any thread. */
void tcg_child_kick(struct tcg_child *c, unsigned vcpu);
void tcg_child_free(struct tcg_child *c);
