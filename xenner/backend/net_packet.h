/*
 * An Ethernet frame on its way, with the work that its sender left to others: checksums of TCP and
 * UDP, cutting a large TCP segment into frames. All of it is pure; every length is checked, as
 * frames come from guests and from the network.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum net_csum {
    NET_CSUM_COMPLETE, /* as it stands in the frame, not looked at */
    NET_CSUM_BLANK,    /* to be filled in */
    NET_CSUM_VALID,    /* known to be right, or to be made right later */
};
enum net_gso { NET_GSO_NONE, NET_GSO_TCPV4, NET_GSO_TCPV6 };

/* The largest IP packet behind an Ethernet header with a VLAN tag. */
#define NET_PACKET_MAX (65535 + 18)

struct net_packet {
    uint8_t *data;
    size_t len;
    enum net_csum csum;
    enum net_gso gso;
    uint16_t gso_size;     /* of TCP's payload in each segment */
    unsigned segments_out; /* net_segment(): how many are done */
};

/* Offsets of the headers of a whole (not fragmented) TCP or UDP packet. */
struct net_headers {
    size_t l3, l4, payload;
    bool v6;
    uint8_t proto;
};
/* False: something else, or broken. */
bool net_parse(const uint8_t *data, size_t len, struct net_headers *ret);

/* Where the checksum of proto is in its header. */
size_t net_csum_offset(uint8_t proto);
/* Fills in a blank checksum. False, and the frame as it was, when there is none to fill in. */
bool net_csum_complete(struct net_packet *p);
/* Puts the pseudo header's sum where the checksum belongs: how Linux wants blank ones. */
bool net_csum_prepare(struct net_packet *p, struct net_headers *ret);

/* Room for a segment of any packet. */
#define NET_SEGMENT_MAX NET_PACKET_MAX
/*
 * The next frame of a GSO packet to out, with its checksums; 0: that was all. A packet that can't
 * be cut yields nothing.
 */
size_t net_segment(struct net_packet *p, uint8_t *out);

/*
 * The other way round: puts a frame behind the segments in p, when it is the next one and its
 * headers say nothing else; behind none (p->len is 0) when it is a TCP segment that others may
 * follow. p->data has room for NET_PACKET_MAX. False: nothing was changed. A packet of several has a
 * blank checksum.
 */
bool net_join(struct net_packet *p, const uint8_t *frame, size_t len);

/* The same for both directions of a flow's packets in one direction; for choosing a queue. */
uint32_t net_flow_hash(const uint8_t *data, size_t len);
