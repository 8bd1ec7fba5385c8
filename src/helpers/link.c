/*
 * Network devices over rtnetlink (rtnetlink(7)), with libmnl. Requests go out one by one, each with its answer; nobody else
 * uses these sockets. A second socket hears of devices that leave: others may move and rename devices meanwhile, so that
 * neither a name nor a number says for long which one is meant.
 */
#include "helpers/link.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	REQUEST_SIZE = 1024,
	ANSWER_SIZE = 65536,
	NEWS_SIZE = 4 << 20,
	NEWS_MAX = 1 << 16,
	ADDRESSES_MAX = 4096,
	DUMP_TRIES = 10,
};

static int open_socket(unsigned groups, struct mnl_socket **ret)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int error;

	if (!s)
		return -errno;
	if (mnl_socket_bind(s, groups, MNL_SOCKET_AUTOPID) < 0) {
		error = -errno;
		mnl_socket_close(s);
		return error;
	}
	*ret = s;
	return 0;
}

int side_open(struct side *ret)
{
	struct side side = { .ns = -1 };
	int r = open_socket(0, &side.socket);

	if (r < 0)
		return r;
	r = open_socket(RTMGRP_LINK, &side.news);
	if (r < 0) {
		mnl_socket_close(side.socket);
		return r;
	}
	side.port = mnl_socket_get_portid(side.socket);
	/* Not to be flooded by whoever works there. Where that is not allowed it stays as it is. */
	setsockopt(mnl_socket_get_fd(side.news), SOL_SOCKET, SO_RCVBUFFORCE,
		   &(int){ NEWS_SIZE }, sizeof(int));
	*ret = side;
	return 0;
}

/* What the kernel says. Whoever has CAP_NET_ADMIN in the namespace can speak to the socket, too. */
static ssize_t receive(struct mnl_socket *s, void *room, size_t size, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		struct iovec part = { room, size };
		struct msghdr m = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &part,
				    .msg_iovlen = 1 };
		ssize_t n = recvmsg(mnl_socket_get_fd(s), &m, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n >= 0 && m.msg_flags & MSG_TRUNC) {
			errno = ENOBUFS;
			return -1;
		}
		if (n < 0 || !from.nl_pid)
			return n;
	}
}

/* Sends a request and hands what comes back to cb, up to the end or the kernel's verdict. */
static int ask(struct side *s, struct nlmsghdr *request, mnl_cb_t cb, void *data)
{
	static char answer[ANSWER_SIZE] __attribute__((aligned(16)));
	int r = MNL_CB_OK;

	request->nlmsg_seq = ++s->sequence;
	if (mnl_socket_sendto(s->socket, request, request->nlmsg_len) < 0)
		return -errno;
	while (r > MNL_CB_STOP) {
		ssize_t n = receive(s->socket, answer, sizeof(answer), 0);

		if (n < 0)
			return -errno;
		r = mnl_cb_run(answer, (size_t)n, s->sequence, s->port, cb, data);
	}
	return r < 0 ? -errno : 0;
}

static struct nlmsghdr *begin(void *room, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(room);

	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
	return h;
}

/* --- devices --- */

static struct ifinfomsg *begin_link(struct nlmsghdr *h, int index)
{
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifi_family = AF_UNSPEC;
	m->ifi_index = index;
	return m;
}

static int take_link(const struct nlmsghdr *h, void *data)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	struct link *ret = data;

	*ret = (struct link){ .index = m->ifi_index, .up = m->ifi_flags & IFF_UP };
	return MNL_CB_OK;
}

int link_find(struct side *s, const char *name, struct link *ret)
{
	char room[REQUEST_SIZE];
	struct nlmsghdr *h = begin(room, RTM_GETLINK, NLM_F_ACK);

	begin_link(h, 0);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	return ask(s, h, take_link, ret);
}

int link_move(struct side *from, int index, int ns, const char *name)
{
	char room[REQUEST_SIZE];
	struct nlmsghdr *h = begin(room, RTM_SETLINK, NLM_F_ACK);

	begin_link(h, index);
	mnl_attr_put_u32(h, IFLA_NET_NS_FD, (uint32_t)ns);
	mnl_attr_put_strz(h, IFLA_IFNAME, name);
	return ask(from, h, NULL, NULL);
}

int link_set_up(struct side *s, int index, bool up)
{
	char room[REQUEST_SIZE];
	struct nlmsghdr *h = begin(room, RTM_SETLINK, NLM_F_ACK);
	struct ifinfomsg *m = begin_link(h, index);

	m->ifi_change = IFF_UP;
	m->ifi_flags = up ? IFF_UP : 0;
	return ask(s, h, NULL, NULL);
}

/* --- news --- */

struct hearing {
	link_left *left;
	void *ctx;
};

static int hear(const struct nlmsghdr *h, void *data)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const struct hearing *to = data;
	const struct nlattr *a;
	int now = 0;

	/* A bridge says "deleted" of what is no port any more. */
	if (h->nlmsg_type != RTM_DELLINK || m->ifi_family != AF_UNSPEC)
		return MNL_CB_OK;
	mnl_attr_for_each(a, h, sizeof(*m)) if (mnl_attr_get_type(a) == IFLA_NEW_IFINDEX)
		now = (int)mnl_attr_get_u32(a);
	to->left(to->ctx, m->ifi_index, now);
	return MNL_CB_OK;
}

int link_news(struct side *s, link_left *left, void *ctx)
{
	static char news[ANSWER_SIZE] __attribute__((aligned(16)));
	struct hearing to = { left, ctx };
	int missed = 0;

	for (int i = 0; i < NEWS_MAX; i++) {
		ssize_t n = receive(s->news, news, sizeof(news), MSG_DONTWAIT);

		if (n >= 0)
			mnl_cb_run(news, (size_t)n, 0, 0, hear, &to);
		else if (errno == ENOBUFS)
			missed = -ENOBUFS;
		else
			return errno == EAGAIN ? missed : -errno;
	}
	return -ENOBUFS;
}

int link_news_fd(const struct side *s)
{
	return mnl_socket_get_fd(s->news);
}

/* --- addresses --- */

static struct ifaddrmsg *begin_address(struct nlmsghdr *h)
{
	return mnl_nlmsg_put_extra_header(h, sizeof(struct ifaddrmsg));
}

/* The flags have 32 bits in an attribute, and their lower 8 in the header. */
static uint32_t address_flags(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	const struct nlattr *a;

	mnl_attr_for_each(a, h, sizeof(*m)) if (mnl_attr_get_type(a) ==
						IFA_FLAGS) return mnl_attr_get_u32(a);
	return m->ifa_flags;
}

bool address_is_global(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);

	return m->ifa_scope == RT_SCOPE_UNIVERSE;
}

static bool is_lasting(const struct nlmsghdr *h)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	uint32_t flags = address_flags(h);
	bool v6 = m->ifa_family == AF_INET6;

	if (!(flags & IFA_F_PERMANENT) || flags & IFA_F_DADFAILED)
		return false;
	/* The kernel makes a link-local address of its own wherever a device comes up. The bit of IPv6's temporary
	 * addresses means "secondary" in IPv4. */
	return !v6 || (!(flags & IFA_F_TEMPORARY) && m->ifa_scope != RT_SCOPE_LINK);
}

struct listing {
	int index;
	struct arena *arena;
	struct addresses *ret;
};

static int take_address(const struct nlmsghdr *h, void *data)
{
	const struct ifaddrmsg *m = mnl_nlmsg_get_payload(h);
	struct listing *l = data;
	void *copy;

	if ((int)m->ifa_index != l->index || !is_lasting(h))
		return MNL_CB_OK;
	if (l->ret->n == ADDRESSES_MAX) {
		errno = E2BIG;
		return MNL_CB_ERROR;
	}
	copy = arena_alloc(l->arena, h->nlmsg_len);
	memcpy(copy, h, h->nlmsg_len);
	l->ret->v[l->ret->n++] = copy;
	return MNL_CB_OK;
}

int address_list(struct side *s, int index, struct arena *arena, struct addresses *ret)
{
	struct listing l = { index, arena, ret };
	int r = -EINTR;

	ret->v = arena_array(arena, ADDRESSES_MAX, sizeof(struct nlmsghdr *));
	/* EINTR: the list changed while the kernel told it. */
	for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
		char room[REQUEST_SIZE];
		struct nlmsghdr *h = begin(room, RTM_GETADDR, NLM_F_DUMP);

		begin_address(h);
		ret->n = 0;
		r = ask(s, h, take_address, &l);
	}
	return r;
}

/* A label is the device's name, or begins with it and a colon. */
static void put_label(struct nlmsghdr *h, const char *label, const char *from,
		      const char *to)
{
	size_t n = strlen(from);
	char text[IFNAMSIZ];

	if (strncmp(label, from, n) != 0 || label[n] != ':')
		return;
	if (snprintf(text, sizeof(text), "%s%s", to, label + n) < (int)sizeof(text))
		mnl_attr_put_strz(h, IFA_LABEL, text);
}

static void put_attribute(struct nlmsghdr *h, const struct nlattr *a, const char *from,
			  const char *to)
{
	uint32_t told = IFA_F_PERMANENT | IFA_F_TENTATIVE | IFA_F_OPTIMISTIC;

	switch (mnl_attr_get_type(a)) {
	case IFA_FLAGS:
		mnl_attr_put_u32(h, IFA_FLAGS, mnl_attr_get_u32(a) & ~told);
		break;
	case IFA_LABEL:
		put_label(h, mnl_attr_get_str(a), from, to);
		break;
	case IFA_ADDRESS:
	case IFA_LOCAL:
	case IFA_BROADCAST:
	case IFA_RT_PRIORITY:
		mnl_attr_put(h, mnl_attr_get_type(a), mnl_attr_get_payload_len(a),
			     mnl_attr_get_payload(a));
		break;
	default: /* what the kernel says of it, not what it was told */
		break;
	}
}

int address_add(struct side *s, int index, const struct nlmsghdr *address,
		const char *from, const char *to)
{
	char room[REQUEST_SIZE];
	struct nlmsghdr *h = begin(room, RTM_NEWADDR,
				   NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE);
	struct ifaddrmsg *m = begin_address(h);
	const struct nlattr *a;

	*m = *(const struct ifaddrmsg *)mnl_nlmsg_get_payload(address);
	m->ifa_index = (uint32_t)index;
	m->ifa_flags = 0;
	mnl_attr_for_each(a, address, sizeof(*m)) put_attribute(h, a, from, to);
	return ask(s, h, NULL, NULL);
}
