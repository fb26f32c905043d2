/* The frontends' half of a PV device, as far as attacks need it: grants, ports, states in xenstore. */
#pragma once

#include "event.h"
#include "mem.h"
#include "xs.h"

#include <xen/grant_table.h>
#include <xen/io/xenbus.h>

#define REF_MISSING 100000u /* in no table */
#define REF_EMPTY   500u    /* in the table, and grants nothing */

struct front {
    char dir[40], back[80];
    unsigned port; /* 0: none */
};

/* Grants a page to domain 0; flags: 0 or GTF_readonly. Never the same number twice, of about 480. */
grant_ref_t grant_page(const void *page, uint16_t flags);
grant_ref_t grant_frame(unsigned long mfn, uint16_t flags);
volatile grant_entry_v1_t *grant_entry(grant_ref_t ref);
/* Takes it back; false when it is in use still. */
bool grant_end(grant_ref_t ref);
/* Fills a page that was used before. */
void page_clear(void *page);

/* "device/type/id" and its backend; false: there is none. */
bool front_find(struct front *f, const char *type, unsigned id);
/* A port for domain 0 to bind. */
void front_open_port(struct front *f);
/* Writes the state; then waits until the backend has the other one. */
bool front_go(struct front *f, XenbusState own, XenbusState back);
XenbusState front_backend(struct front *f);
bool front_wait(struct front *f, XenbusState back);
/* Closes whatever there is, up to Initialising and InitWait. */
bool front_reset(struct front *f);
void front_kick(struct front *f);
