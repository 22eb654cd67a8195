/* SPDX-License-Identifier: MIT */
#include "unread.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct request {
    struct nlmsghdr head;
    struct unix_diag_req body;
};

/* Copies the attribute's first `size` bytes out of an answer. */
static int attribute(const struct nlmsghdr *head, uint16_t type, void *out, size_t size)
{
    const struct unix_diag_msg *message = NLMSG_DATA(head);
    const struct rtattr *at = (const struct rtattr *)(message + 1);
    int len = (int)(head->nlmsg_len - NLMSG_LENGTH(sizeof(*message)));

    for (; RTA_OK(at, len); at = RTA_NEXT(at, len)) {
        if (at->rta_type == type && RTA_PAYLOAD(at) >= size) {
            memcpy(out, RTA_DATA(at), size);
            return 0;
        }
    }
    errno = ENOENT;
    return -1;
}

/* Asks for one attribute of the socket with that inode. */
static int ask(int diag, uint32_t inode, uint32_t show, uint16_t type, void *out, size_t size)
{
    struct request request = {
        .head = {.nlmsg_len = sizeof(request),
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = AF_UNIX,
                 .udiag_states = UINT32_MAX,
                 .udiag_ino = inode,
                 .udiag_show = show,
                 .udiag_cookie = {UINT32_MAX, UINT32_MAX}},
    };
    union {
        struct nlmsghdr head;
        uint8_t bytes[4096];
    } answer;
    ssize_t n;

    if (send(diag, &request, sizeof(request), 0) < 0)
        return -1;
    n = recv(diag, &answer, sizeof(answer), 0);
    if (n < 0)
        return -1;
    if (!NLMSG_OK(&answer.head, (size_t)n) || answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        answer.head.nlmsg_len < NLMSG_LENGTH(sizeof(struct unix_diag_msg))) {
        errno = ENOENT;
        return -1;
    }
    return attribute(&answer.head, type, out, size);
}

int64_t unread_by_peer(int fd)
{
    struct unix_diag_rqlen queue;
    struct stat stat;
    uint32_t peer;
    int64_t result = -1;
    int error;
    int diag = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

    if (diag < 0)
        return -1;
    if (fstat(fd, &stat) == 0 &&
        ask(diag, (uint32_t)stat.st_ino, UDIAG_SHOW_PEER, UNIX_DIAG_PEER, &peer, sizeof(peer)) ==
            0 &&
        ask(diag, peer, UDIAG_SHOW_RQLEN, UNIX_DIAG_RQLEN, &queue, sizeof(queue)) == 0)
        result = queue.udiag_rqueue;
    error = errno;
    close(diag);
    errno = error;
    return result;
}
