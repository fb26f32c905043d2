/* Who serves a guest's disk or network card on a Xen host: `backend=` of the command line. */
#pragma once

enum device_backend {
    DEVICE_BACKEND_AUTO,   /* the host's kernel where it can, else xenner */
    DEVICE_BACKEND_KERNEL, /* xen-blkback, xen-netback; an error where they can't */
    DEVICE_BACKEND_XENNER,
};
