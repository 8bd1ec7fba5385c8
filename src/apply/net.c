/*
 * HOST steps about network devices: the conversation with skiff-net (src/helpers/net.c), which does the work. It holds the
 * container's network namespace until it is told to leave things as they are.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/helper.h"
#include "apply/parts.h"
#include "base/fd.h"

enum { WORDS = 256, NETNS = 3 };

/* Its answer is an errno and words. */
static int hear(int fd, const char *about, struct err *e)
{
	char words[WORDS];
	const char *rest;
	int error = helper_hear(fd, words, sizeof(words), &rest);

	if (error < 0)
		return err_set(e, ERR_HOST, "skiff-net ended before it was told to%s",
			       about);
	if (!error)
		return 0;
	err_sys(e, error, "network device%s:%s", about, rest);
	e->code = ERR_HOST;
	return -1;
}

static int tell(int fd, const char *text)
{
	ssize_t n;

	do
		n = send(fd, text, strlen(text), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* What is in the host's network namespace needs not be moved, and must not be renamed. */
static int check_not_ours(int ns, struct err *e)
{
	struct stat own, other;

	if (fstat(ns, &other) < 0 || stat("/proc/self/ns/net", &own) < 0)
		return err_sys(e, errno, "look at the network namespace");
	if (own.st_ino != other.st_ino || own.st_dev != other.st_dev)
		return 0;
	return err_set(e, ERR_CONFIG,
		       "the container is in the network namespace of the host, where the "
		       "devices are: leave them out, or give it a namespace of its own");
}

static int open_ns(struct apply *a, int slot, struct err *e)
{
	char path[48];
	int fd;

	if (slot_of(a, slot) >= 0) {
		fd = fcntl(slot_of(a, slot), F_DUPFD_CLOEXEC, NETNS + 1);
	} else {
		snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)a->pid);
		fd = openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	}
	return fd < 0 ? err_sys(e, errno, "open the container's network namespace") : fd;
}

int host_net_open(struct apply *a, const struct step *s, struct err *e)
{
	char *argv[] = { "skiff-net", NULL };
	auto_fd ns = open_ns(a, s->slot[1], e), theirs = -1;
	struct helper_fd fds[2];
	const char *path;
	int pair[2], r;

	if (ns < 0 || check_not_ours(ns, e) < 0 ||
	    helper_find(argv[0], a->arena, &path, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, errno, "socketpair");
	slot_set(a, s->slot[0], pair[0]);
	theirs = pair[1];
	fds[0] = (struct helper_fd){ theirs, 0 };
	fds[1] = (struct helper_fd){ ns, NETNS };
	r = helper_start(path, argv, NULL, fds, 2, &a->net_helper);
	fd_close(&theirs);
	if (r)
		return err_sys(e, r, "start %s", path);
	a->made[s - a->plan->host.v] = true;
	return hear(pair[0], "", e);
}

int host_net_move(struct apply *a, const struct step *s, struct err *e)
{
	const char *name = text_of(a, s->str[0]);
	int fd = slot_of(a, s->slot[0]);

	tell(fd, arena_printf(a->arena, "move %s %s", name, text_of(a, s->str[1])));
	return hear(fd, arena_printf(a->arena, " %s", name), e);
}

void net_end(struct apply *a)
{
	slot_set(a, SLOT_NET, -1);
	helper_end(a->net_helper);
}

int host_net_keep(struct apply *a, const struct step *s, struct err *e)
{
	int r = tell(slot_of(a, s->slot[0]), "keep");

	if (r < 0)
		return err_sys(e, -r, "skiff-net has put the devices back");
	net_end(a);
	a->net_helper = 0;
	return 0;
}
