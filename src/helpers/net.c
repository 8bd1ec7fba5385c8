/*
 * skiff-net: moves network devices of the host into a container's network namespace (config-linux: Network Devices). A
 * program of its own, so that only containers that ask for it pay for libmnl.
 *
 * Descriptor 3 is the container's network namespace, descriptor 0 a SOCK_SEQPACKET socket to skiff. Requests are "move
 * NAME NEWNAME" and "keep"; the answer is "ERRNO WORDS": 0 and the new name, or what was tried. A new name may have a "%d" for the first free
 * number. When the socket ends before "keep" was said, the container did not come into being: every device goes
 * back to where it was, with its name, its addresses and its state. So it does when skiff is killed.
 *
 * Others may work in the container's namespace meanwhile, where it has been joined. What comes back is the device that went,
 * whatever its name is now: it has the number that the kernel told when it went, and nothing of that number has left since.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helpers/link.h"

enum {
	SOCKET = 0,
	NETNS = 3,
	DEVICES_MAX = 1024,
	TEMPLATE_MAX = 1024,
	WORDS = 256,
	MANY = 2
};

struct moved {
	char name[IFNAMSIZ], new_name[IFNAMSIZ];
	bool was_up;
	int index;     /* inside, or 0: not known */
	unsigned left; /* how often one of this number has left */
	struct addresses addresses;
};

struct net {
	struct side host, inside;
	struct arena arena;
	struct moved *moved;
	size_t n;
};

struct fault {
	int error;        /* positive errno */
	const char *what; /* was tried */
};

static int fail(struct fault *f, int r, const char *what)
{
	*f = (struct fault){ -r, what };
	return -1;
}

/* --- there --- */

/* The name it will have: "%d" becomes the first number that is free. */
static int choose_name(struct net *n, const char *wish, char ret[IFNAMSIZ],
		       struct fault *f)
{
	const char *number = strstr(wish, "%d");
	struct link taken;
	int r = 0;

	for (int i = 0; i < TEMPLATE_MAX && !r; i++) {
		int len = number ? snprintf(ret, IFNAMSIZ, "%.*s%d%s",
					    (int)(number - wish), wish, i, number + 2)
				 : snprintf(ret, IFNAMSIZ, "%s", wish);

		if (len >= IFNAMSIZ)
			return fail(f, -ENAMETOOLONG, "choose its name");
		r = link_find(&n->inside, ret, &taken);
		if (!r && !number)
			return fail(f, -EEXIST,
				    "the container has a device of that name");
	}
	if (r == -ENODEV)
		return 0;
	return fail(f, r ? r : -EEXIST, "choose its name");
}

/* The device is there: what the move took from it, it gets again. */
static int settle(struct net *n, const struct moved *m, struct fault *f)
{
	int r = 0;

	if (!m->index)
		return fail(f, -ENODEV, "find it in the container");
	for (size_t i = 0; i < m->addresses.n && !r; i++)
		if (address_is_global(m->addresses.v[i]))
			r = address_add(&n->inside, m->index, m->addresses.v[i], m->name,
					m->new_name);
	if (r < 0)
		return fail(f, r, "give it its addresses again");
	r = link_set_up(&n->inside, m->index, true);
	return r < 0 ? fail(f, r, "bring it up") : 0;
}

struct departure {
	int index, now;
	bool seen;
};

static void note_departure(void *ctx, int index, int now)
{
	struct departure *d = ctx;

	if (index != d->index)
		return;
	d->seen = true;
	d->now = now;
}

static void ignore(void *ctx, int index, int now)
{
	(void)ctx;
	(void)index;
	(void)now;
}

static void note_left(void *ctx, int index, int now)
{
	struct net *n = ctx;

	(void)now;
	for (size_t i = 0; i < n->n; i++)
		n->moved[i].left += n->moved[i].index == index;
}

/* What has left the container's namespace, and what may have. */
static void look_inside(struct net *n)
{
	if (link_news(&n->inside, note_left, n) < 0)
		for (size_t i = 0; i < n->n; i++)
			n->moved[i].left = MANY;
}

/* The kernel renames after the move: what fails at that is there nevertheless. */
static int move_there(struct net *n, struct moved *m, int index)
{
	struct departure d = { .index = index };
	int r;

	/* What happened before is no matter. */
	link_news(&n->host, ignore, NULL);
	look_inside(n);
	r = link_move(&n->host, index, n->inside.ns, m->new_name);
	link_news(&n->host, note_departure, &d);
	m->index = d.now;
	n->n += !r || d.seen;
	return r;
}

static int move(struct net *n, const char *name, const char *wish, struct fault *f)
{
	struct moved *m = &n->moved[n->n];
	struct link link;
	int r = link_find(&n->host, name, &link);

	if (r < 0)
		return fail(f, r, "find it");
	if (n->n == DEVICES_MAX)
		return fail(f, -E2BIG, "move it");
	*m = (struct moved){ .was_up = link.up };
	snprintf(m->name, sizeof(m->name), "%s", name);
	if (choose_name(n, wish, m->new_name, f) < 0)
		return -1;
	r = address_list(&n->host, link.index, &n->arena, &m->addresses);
	if (r < 0)
		return fail(f, r, "read its addresses");
	r = move_there(n, m, link.index);
	if (r < 0)
		return fail(f, r, "move it into the container's network namespace");
	return settle(n, m, f);
}

/* --- and back --- */

/* 1 = the device is on the host again. It left once, by our doing; if something left before, then another device has its
 * number, and is none of the host's business. */
static int fetch(struct net *n, struct moved *m, struct link *ret)
{
	look_inside(n);
	if (!m->index || m->left)
		return 0;
	link_set_up(&n->inside, m->index, false);
	if (link_move(&n->inside, m->index, n->host.ns, m->name) < 0 ||
	    link_find(&n->host, m->name, ret) < 0)
		return 0;
	look_inside(n);
	if (m->left == 1)
		return 1;
	/* A name that is free there in any case. */
	link_move(&n->host, ret->index, n->inside.ns, "stray%d");
	return 0;
}

static void move_back(struct net *n, struct moved *m)
{
	struct link link;

	if (!fetch(n, m, &link))
		return;
	for (size_t i = 0; i < m->addresses.n; i++)
		address_add(&n->host, link.index, m->addresses.v[i], m->name, m->name);
	if (m->was_up)
		link_set_up(&n->host, link.index, true);
}

/* --- the conversation --- */

static void answer(const char *form, int number, const char *text)
{
	char words[WORDS];
	int n = snprintf(words, sizeof(words), form, number, text);

	while (send(SOCKET, words, (size_t)n, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* "move eth0 net0": names have no spaces. */
static void obey(struct net *n, char *request)
{
	char *save, *verb = strtok_r(request, " ", &save);
	char *name = strtok_r(NULL, " ", &save), *wish = strtok_r(NULL, " ", &save);
	struct fault f;

	if (!verb || strcmp(verb, "move") != 0 || !name || !wish)
		answer("%d %s", EINVAL, "understand the request");
	else if (move(n, name, wish, &f) < 0)
		answer("%d %s", f.error, f.what);
	else
		answer("%d %s", 0, n->moved[n->n - 1].new_name);
}

/* The next request; meanwhile what happens in the container is noted, before it is too much. */
static ssize_t next_request(struct net *n, char *room, size_t size)
{
	struct pollfd wait[] = { { .fd = SOCKET, .events = POLLIN },
				 { .fd = link_news_fd(&n->inside), .events = POLLIN } };

	while (poll(wait, 2, -1) >= 0 && !wait[0].revents)
		look_inside(n);
	return recv(SOCKET, room, size, 0);
}

/* true = the devices stay. */
static bool talk(struct net *n)
{
	char request[WORDS];

	for (;;) {
		ssize_t got = next_request(n, request, sizeof(request) - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		request[got] = '\0';
		if (!strcmp(request, "keep"))
			return true;
		obey(n, request);
	}
}

/* A socket of each namespace; this process stays in the container's. */
static int enter(struct net *n, struct fault *f)
{
	int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int r = ns < 0 ? -errno : side_open(&n->host);

	if (r < 0)
		return fail(f, r, "open a netlink socket");
	if (setns(NETNS, CLONE_NEWNET) < 0)
		return fail(f, -errno, "enter the container's network namespace");
	r = side_open(&n->inside);
	if (r < 0)
		return fail(f, r, "open a netlink socket in the container");
	n->host.ns = ns;
	n->inside.ns = NETNS;
	return 0;
}

int main(void)
{
	static struct net n;
	struct fault f;
	sigset_t all;

	/* Whatever ends skiff from a terminal: the devices go back first. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	if (arena_init(&n.arena) < 0)
		return 1;
	n.moved = arena_array(&n.arena, DEVICES_MAX + 1, sizeof(*n.moved));
	if (enter(&n, &f) < 0) {
		answer("%d %s", f.error, f.what);
		return 1;
	}
	answer("%d %s", 0, "ready");
	if (talk(&n))
		return 0;
	/* Last things first. */
	for (size_t i = n.n; i-- > 0;)
		move_back(&n, &n.moved[i]);
	return 1;
}
