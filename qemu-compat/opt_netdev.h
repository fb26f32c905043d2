/* Between opt_net.c (which NIC is on which network) and opt_netdev.c (the networks' own keys). */
#pragma once

#include "qemu-compat/optlist.h"

/* Sets *to when the key is there. */
void opt_take_text(struct keyval *kv, const char *key, char **to);
/* A number of at most max; leaves *to alone when there is no such key. */
bool opt_take_number(struct keyval *kv, const char *key, unsigned max, unsigned *to,
                     GError **error);
/* A NIC of device_add's arguments, the caller's; whether a driver is one. */
struct nic_config *opt_nic_device(struct keyval *kv, GError **error);
bool opt_nic_device_known(const char *driver);
/* A netdev of the list's "type", without an id yet. Owned by the caller; NULL and an error. */
struct netdev_config *opt_new_netdev(const char *option, const char *value, struct keyval *kv,
                                     GError **error);
