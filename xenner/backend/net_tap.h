/* How one gets a tap: the descriptors of its queues, all non-blocking and of the same shape. */
#pragma once

#include "xenner/config/net_config.h"

#include <net/if.h>

struct net_tap_fds {
    int fd[NET_MAX_QUEUES];
    unsigned nr;
    bool vnet_hdr; /* frames have a struct virtio_net_hdr of 10 bytes in front */
    char ifname[IFNAMSIZ];
};

/* Opens, inherits, or asks a helper, and runs the script. On failure nothing stays open. */
bool net_tap_open(const struct netdev_config *cfg, struct net_tap_fds *ret, GError **error);
/* Runs a script with the interface's name as its argument, and waits. */
bool net_tap_script(const char *script, const char *ifname, GError **error);
