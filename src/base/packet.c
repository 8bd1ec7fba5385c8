/*
 * Messages of Unix sockets that may carry a descriptor (unix(7), SCM_RIGHTS): skiff's with its helpers and with init,
 * and what is handed to sockets of the caller's. Who sends may be hostile: one descriptor is taken, no other is kept.
 */
#include "base/packet.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int packet_send(int sock, const void *data, size_t n, int fd)
{
	union control control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
					    .cmsg_level = SOL_SOCKET,
					    .cmsg_type = SCM_RIGHTS } };
	struct iovec part = { .iov_base = (void *)data, .iov_len = n };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };

	if (fd >= 0) {
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	while (sendmsg(sock, &m, MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* The first descriptor; what else has come is closed. */
static int take_fd(struct msghdr *m)
{
	int fd = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof(int) <= c->cmsg_len;
		     at += sizeof(int)) {
			int got;

			memcpy(&got, (char *)c + at, sizeof(got));
			if (fd < 0)
				fd = got;
			else
				close(got);
		}
	}
	return fd;
}

ssize_t packet_receive(int sock, const struct iovec *parts, size_t n, int *ret_fd)
{
	union control control;
	struct msghdr m = { .msg_iov = (struct iovec *)parts, .msg_iovlen = n };
	ssize_t got;
	int fd = -1;

	if (ret_fd) {
		*ret_fd = -1;
		m.msg_control = &control;
		m.msg_controllen = sizeof(control);
	}
	/* An end that goes with our bytes unread shows as one ECONNRESET, before what it said last. */
	do
		got = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (got < 0 && (errno == EINTR || errno == ECONNRESET));
	if (got < 0)
		return -errno;
	if (ret_fd)
		fd = take_fd(&m);
	if (m.msg_flags & MSG_TRUNC) {
		if (fd >= 0)
			close(fd);
		return -EMSGSIZE;
	}
	if (ret_fd)
		*ret_fd = fd;
	return got;
}
