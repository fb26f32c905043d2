#include "xenner/util/lazy_calls.h"

    LAZY_LIBRARY lazy_libnbd, "libnbd.so.0"
    LAZY_CALL nbd_aio_flush
    LAZY_CALL nbd_aio_get_direction
    LAZY_CALL nbd_aio_get_fd
    LAZY_CALL nbd_aio_is_closed
    LAZY_CALL nbd_aio_is_dead
    LAZY_CALL nbd_aio_notify_read
    LAZY_CALL nbd_aio_notify_write
    LAZY_CALL nbd_aio_pread
    LAZY_CALL nbd_aio_pwrite
    LAZY_CALL nbd_aio_trim
    LAZY_CALL nbd_can_trim
    LAZY_CALL nbd_close
    LAZY_CALL nbd_connect_socket
    LAZY_CALL nbd_create
    LAZY_CALL nbd_flush
    LAZY_CALL nbd_get_error
    LAZY_CALL nbd_get_size
    LAZY_CALL nbd_is_read_only
    LAZY_CALL nbd_set_export_name
    LAZY_CALL nbd_shutdown
    LAZY_END
