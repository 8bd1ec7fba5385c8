/* Messages of Unix sockets that may carry a descriptor. */
#pragma once

#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* fd: goes with it, or -1. 0 or -errno. */
int packet_send(int sock, const void *data, size_t n, int fd);
/* The number of bytes or -errno; -EMSGSIZE: the message is longer. Its first descriptor is the caller's, *ret_fd (-1 = none,
 * also after an error; NULL: none is taken); others are closed. */
ssize_t packet_receive(int sock, const struct iovec *parts, size_t n, int *ret_fd);
