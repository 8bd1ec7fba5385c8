/*
 * What init says and hears. One packet is one message: a header, and after a failure the
 * texts that whoever has no plan needs to word it. Nothing read here is ever more than
 * one byte.
 */
#include "init/init.h"

#include <linux/errno.h>
#include <linux/socket.h>

/* Of the libc's headers, which init does without. */
enum {
	MSG_NOSIGNAL_ = 0x4000,
	SOCK_CLOEXEC_ = 02000000,
	SOL_SOCKET_ = 1,
	SCM_RIGHTS_ = 1
};

#define TALK_TEXT 700

struct vec {
	const void *base;
	size_t len;
};
struct message {
	void *name;
	int name_len;
	struct vec *vec;
	size_t n_vec;
	void *control;
	size_t control_len;
	unsigned flags;
};
struct rights {
	size_t len;
	int level, type, fd;
};

/* Every filter must leave write alone, and none hands it to an agent that nobody has told of it yet. */
static int send_all(struct init *c, const void *data, size_t len)
{
	int fd = fds_slot(c, SLOT_TALK);
	long r;

	do
		r = fd < 0        ? fd
		    : c->filtered ? sys_write(fd, data, len)
				  : sys_sendto(fd, data, len, MSG_NOSIGNAL_, NULL, 0);
	while (r == -EINTR);
	return r < 0 ? (int)r : 0;
}

int talk_tell(struct init *c, enum sync what, int value)
{
	struct report r = { .what = (uint8_t)what, .value = value };

	if (c->step) {
		r.op = c->step->op;
		r.step = (uint16_t)(c->step - c->steps);
	}
	return send_all(c, &r, sizeof(r));
}

int talk_send_fd(int sock, const void *data, size_t len, int fd)
{
	/* The control length counts the padding behind the descriptor. */
	struct rights rights = { .len = sizeof(size_t) + 3 * sizeof(int),
				 .level = SOL_SOCKET_,
				 .type = SCM_RIGHTS_,
				 .fd = fd };
	struct vec vec = { data, len };
	struct message m = {
		.vec = &vec, .n_vec = 1, .control = &rights, .control_len = sizeof(rights)
	};
	long r;

	do
		r = sys_sendmsg(sock, &m, MSG_NOSIGNAL_);
	while (r == -EINTR);
	return r < 0 ? (int)r : 0;
}

/* The failure of a step: header, then origin, first string, and the kernel's own
 * words. */
void talk_fail(struct init *c, size_t step, int error)
{
	const struct step *s = &c->steps[step];
	const char *texts[] = { str(c, s->origin), str(c, s->str[0]),
				c->detail ? c->detail : "" };
	struct {
		struct report r;
		char text[3 * TALK_TEXT];
	} packet;
	size_t at = 0;

	packet.r = (struct report){ .op = s->op, .step = (uint16_t)step, .value = error };
	for (int i = 0; i < 3; i++) {
		size_t end = at + TALK_TEXT;

		at = text_add(packet.text, end, at, texts[i]);
		if (at == end)
			packet.text[--at] = '\0';
		at++;
	}
	send_all(c, &packet, sizeof(packet.r) + at);
}

int op_tell(struct init *c, const struct step *s)
{
	return talk_tell(c, (enum sync)s->word[0], 0);
}

/* One byte: the point that is reached. 0 = end of file. */
static long hear(const struct init *c, int fd, uint8_t *ret)
{
	long n;

	do
		n = c->filtered ? sys_read(fd, ret, 1)
				: sys_recvfrom(fd, ret, 1, 0, NULL, NULL);
	while (n == -EINTR);
	return n;
}

/* A `start` that goes away before it has said anything does not count. */
static long accept_and_hear(struct init *c, uint8_t *ret)
{
	int listener = fds_slot(c, SLOT_LISTEN);
	long n = 0;

	c->slots[SLOT_TALK] = -1;
	while (!n) {
		long fd = sys_accept4(listener, NULL, NULL, SOCK_CLOEXEC_);

		if (fd == -EINTR || fd == -ECONNABORTED)
			continue;
		if (fds_note(c, fd) < 0)
			return fd;
		n = hear(c, (int)fd, ret);
		c->slots[SLOT_TALK] = (int32_t)fd;
		if (!n)
			sys_close((int)fd);
	}
	return n;
}

int op_wait(struct init *c, const struct step *s)
{
	uint8_t point = 0;
	long n;

	if (s->flags & STEP_ACCEPT) {
		n = accept_and_hear(c, &point);
	} else {
		int fd = fds_slot(c, SLOT_TALK);

		n = fd < 0 ? fd : hear(c, fd, &point);
	}
	if (n < 0)
		return (int)n;
	if (!n)
		return -EPIPE; /* the host side is gone */
	return point == s->word[0] ? 0 : -EPROTO;
}
