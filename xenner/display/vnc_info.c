#include "xenner/display/vnc_info.h"

#include <netdb.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

void vnc_address_get(struct vnc_address *a, int fd, bool peer)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage room;
    } addr = {.any = {.sa_family = AF_UNSPEC}};
    socklen_t len = sizeof(addr);
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    int rc = peer ? getpeername(fd, &addr.any, &len) : getsockname(fd, &addr.any, &len);

    *a = (struct vnc_address){.family = "unknown"};
    if (rc == 0 && addr.any.sa_family == AF_UNIX) {
        size_t room = len > offsetof(struct sockaddr_un, sun_path)
                          ? len - offsetof(struct sockaddr_un, sun_path) : 0;
        a->family = "unix"; /* a client's own end has no path */
        a->service = g_strndup(addr.un.sun_path, MIN(room, sizeof(addr.un.sun_path)));
    } else if (rc == 0 && getnameinfo(&addr.any, len, host, sizeof(host), service, sizeof(service),
                                      NI_NUMERICHOST | NI_NUMERICSERV) == 0) {
        a->family = addr.any.sa_family == AF_INET6 ? "ipv6" : "ipv4";
        a->service = g_strdup(service);
    }
    a->host = g_strdup(host);
    if (!a->service)
        a->service = g_strdup("");
}

void vnc_address_clear(struct vnc_address *a)
{
    g_free(a->host);
    g_free(a->service);
    *a = (struct vnc_address){0};
}
