/*
 * What the files of the VNC server share: vnc.c its life, vnc_client.c who is connected and who may,
 * vnc_input.c what they type, vnc_picture.c what they see. These four know LibVNCServer, no others.
 *
 * Threads: the library's threads of a client call what is marked so; the rest is the main loop's.
 */
#pragma once

#include "xenner/display/keymap.h"
#include "xenner/display/vnc.h"
#include "xenner/display/vnc_listen.h"

#include <linux/input-event-codes.h>
#include <rfb/rfb.h>

#define VNC_MAX_SIDE VM_CONFIG_MAX_SCREEN

struct vnc_client {
    struct vnc *vnc;
    rfbClientPtr cl; /* only to be compared: it may be gone */
    struct vnc_address address;
    gint pending;    /* atomic: input that the main loop has not seen yet */
    bool ready;      /* its thread's: it has been told of */
    guint handshake; /* timer */
    uint8_t held[KEY_CNT / 8 + 1];
    int buttons;
};

enum vnc_input_kind {
    VNC_INPUT_NEW,
    VNC_INPUT_READY,
    VNC_INPUT_KEYSYM, /* a: X's keysym, b: down */
    VNC_INPUT_KEY,    /* a: the key's number, b: down */
    VNC_INPUT_POINTER, /* a: buttons, b, c: where */
    VNC_INPUT_GONE,
};

struct vnc_input {
    enum vnc_input_kind kind;
    struct vnc_client *client;
    uint32_t a, b, c;
    pthread_t thread; /* GONE: to join */
};

struct vnc {
    const struct vnc_config *config;
    const struct keymap *map;
    struct display *display;
    rfbScreenInfoPtr screen;
    struct vnc_listen *listener;
    char *title;
    /* vnc_picture.c */
    uint8_t *copy;
    struct dirty dirty;
    guint timer;
    gint64 last_look;
    /* vnc_client.c */
    GPtrArray *clients; /* struct vnc_client *, owned */
    vnc_event_fn event;
    void *event_opaque;
    /* vnc_input.c */
    guint wake_source;
    int wake;
    GMutex lock; /* of what follows */
    GArray *inputs;
    unsigned connections;
    char *secret;
    int64_t expires;
};

/* vnc_input.c */
void vnc_input_setup(void); /* once a process: the library's own tables */
void vnc_input_init(struct vnc *v);
void vnc_input_hook(struct vnc *v);
void vnc_input_clear(struct vnc *v);
/* Any thread: in->kind happens in the main loop. */
void vnc_input_post(struct vnc *v, const struct vnc_input *in);
/* Takes what was posted, now. */
void vnc_input_take(struct vnc *v);
/* Ends what the client holds down. */
void vnc_input_release(struct vnc *v, const struct vnc_client *c);

/* vnc_client.c */
void vnc_client_hook(struct vnc *v);
/* A connected socket; the listener's thread. */
void vnc_client_accept(void *opaque, int fd, bool skip_auth);
/* The main loop hears of what a client's thread posted. */
void vnc_client_new(struct vnc *v, struct vnc_client *c);
void vnc_client_ready(struct vnc *v, struct vnc_client *c);
void vnc_client_gone(struct vnc *v, struct vnc_client *c, pthread_t thread);
/* All are disconnected and gone when it returns. */
void vnc_client_end_all(struct vnc *v);
void vnc_client_free(gpointer client);

/* vnc_picture.c. false: no memory. */
bool vnc_picture_init(struct vnc *v);
void vnc_picture_hook(struct vnc *v);
/* Somebody new looks: all of it may differ from what was copied while nobody did. */
void vnc_picture_all(struct vnc *v);
void vnc_picture_clear(struct vnc *v);
