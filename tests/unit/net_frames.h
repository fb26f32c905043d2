/* Frames for tests of networks. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_kind {
    bool v6, udp, vlan;
    unsigned ip_options, tcp_options; /* bytes, multiples of 4; with v6: a hop-by-hop header if any */
};
/* Room for the headers of any of them. */
#define FRAME_HEADERS 256
/* Headers and `payload` bytes of it; checksums are blank. Returns the length. */
size_t frame_make(uint8_t *out, struct frame_kind kind, size_t payload);
/* Is TCP's or UDP's checksum right, and IPv4's? Byte by byte, independent of the code under test. */
bool frame_sums_right(const uint8_t *frame, size_t len);
