/*
 * Network devices over rtnetlink: finding, moving, renaming, addresses. Each function returns 0 or -errno.
 */
#pragma once

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

struct mnl_socket;
struct nlmsghdr;

/* One network namespace: sockets that were made in it. */
struct side {
	struct mnl_socket *socket, *news;
	uint32_t port, sequence;
	int ns; /* its file */
};

struct link {
	int index;
	bool up;
};

/* Addresses as the kernel told them: whole RTM_NEWADDR messages. */
struct addresses {
	const struct nlmsghdr **v;
	size_t n;
};

/* Sockets in the namespace that the caller is in. */
int side_open(struct side *ret);
/* -ENODEV: there is none of that name. */
int link_find(struct side *s, const char *name, struct link *ret);
/* Into another namespace, under a new name. */
int link_move(struct side *from, int index, int ns, const char *name);
int link_set_up(struct side *s, int index, bool up);
/* The device of this number has left; in another namespace it now has the number `now`, or 0: it is no more. */
typedef void link_left(void *ctx, int index, int now);
/* What has left since the last time, in its order. -ENOBUFS: there was more than could be kept. */
int link_news(struct side *s, link_left *left, void *ctx);
/* Readable when there is some. */
int link_news_fd(const struct side *s);
/* Those that somebody set for good: neither learned by autoconfiguration nor link-local by the kernel's own doing. */
int address_list(struct side *s, int index, struct arena *arena, struct addresses *ret);
/* Whether it is valid beyond its link and host. */
bool address_is_global(const struct nlmsghdr *a);
/* Gives an address of a device that was named from to the device index, named to. */
int address_add(struct side *s, int index, const struct nlmsghdr *a, const char *from,
		const char *to);
