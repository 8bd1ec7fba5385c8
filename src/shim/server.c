/*
 * ttrpc's server side. Connections are few and bounded; each has a buffer of the largest frame, of
 * which only what is used costs memory. Whatever is wrong with a connection ends that connection alone.
 */
#include "shim/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "shim/log.h"
#include "shim/loop.h"
#include "shim/proto/ttrpc.pb-c.h"
#include "shim/wire.h"

enum {
	CONNS_MAX = 512, /* containerd has one for each container of a pod */
	IN_SIZE = FRAME_HEADER + FRAME_MAX,
	OUT_MAX = 8 << 20, /* answers that nobody reads */
	KEEP = 65536,      /* of a buffer that was used: more goes back to the kernel */
	PAUSE_MS = 100     /* without a descriptor to accept with */
};

struct conn {
	struct watch watch;
	uint64_t generation;
	uint32_t last_stream;
	struct arena arena;
	char *in;
	size_t in_len, skip; /* bytes of a frame that is too large */
	struct buf out;
	size_t sent;
	bool blocked; /* waits for room to send */
};

static struct conn conns[CONNS_MAX];
static struct watch listener = { .fd = -1 };
static const char *socket_path;
static ino_t socket_inode;
static uint64_t generations;
static unsigned long requests;

static void close_conn(struct conn *c)
{
	loop_remove(&c->watch);
	fd_close(&c->watch.fd);
	arena_done(&c->arena);
	c->generation = 0;
}

/* --- answers --- */

static void clear_out(struct conn *c)
{
	if (c->out.cap > KEEP)
		madvise(c->out.p, c->out.cap, MADV_DONTNEED);
	c->out.len = c->sent = 0;
}

static void flush(struct conn *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->watch.fd, c->out.p + c->sent, c->out.len - c->sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			c->blocked = true;
			loop_add(&c->watch, EPOLLIN | EPOLLOUT);
			return;
		}
		if (n < 0) {
			close_conn(c);
			return;
		}
		c->sent += (size_t)n;
	}
	clear_out(c);
	if (c->blocked)
		loop_add(&c->watch, EPOLLIN);
	c->blocked = false;
}

bool ticket_is_valid(const struct ticket *t)
{
	return t->generation && conns[t->conn].generation == t->generation;
}

/* The answer's connection, if it is still there. The ticket is used up. */
static struct conn *redeem(struct ticket *t)
{
	struct conn *c = &conns[t->conn];
	bool valid = ticket_is_valid(t);

	t->generation = 0;
	return valid ? c : NULL;
}

static void respond(struct ticket *t, const Pb__Response *response)
{
	uint32_t stream = t->stream;
	struct conn *c = redeem(t);
	auto_arena arena = { 0 };
	struct buf frame;

	if (!c || arena_init(&arena) < 0)
		return;
	buf_init(&frame, &arena, OUT_MAX);
	frame_add(&frame, stream, FRAME_RESPONSE, &response->base);
	buf_add(&c->out, frame.p, frame.len);
	if (frame.full || c->out.full)
		close_conn(c);
	else
		flush(c);
}

void reply(struct ticket *t, const ProtobufCMessage *message)
{
	Pb__Response r = PB__RESPONSE__INIT;
	auto_arena arena = { 0 };

	if (!t->generation || arena_init(&arena) < 0)
		return;
	r.payload = wire_pack(&arena, message);
	respond(t, &r);
}

void reply_empty(struct ticket *t)
{
	Pb__Empty e = PB__EMPTY__INIT;

	reply(t, &e.base);
}

void reply_fail(struct ticket *t, enum rpc_code code, const char *fmt, ...)
{
	Pb__Response r = PB__RESPONSE__INIT;
	Pb__Status s = PB__STATUS__INIT;
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	s.code = (int)code;
	s.message = text;
	r.status = &s;
	respond(t, &r);
}

/* --- requests --- */

static struct ticket ticket_for(const struct conn *c, uint32_t stream)
{
	return (struct ticket){ (int)(c - conns), stream, c->generation };
}

/* false: the connection is to be closed. */
static bool take_request(struct conn *c, const struct frame *f)
{
	struct ticket t = ticket_for(c, f->stream);
	auto_arena arena = { 0 };

	if (f->stream % 2 == 0 || f->stream <= c->last_stream) {
		reply_fail(&t, RPC_INVALID, "stream id %u is even or was used",
			   f->stream);
		return true;
	}
	c->last_stream = f->stream;
	requests++;
	if (arena_init(&arena) < 0)
		return false;
	return service_request(t, &arena, c->in + FRAME_HEADER, f->length);
}

static bool take_frame(struct conn *c, const struct frame *f)
{
	struct ticket t = ticket_for(c, f->stream);

	if (f->kind == FRAME_REQUEST)
		return take_request(c, f);
	if (f->kind == FRAME_DATA)
		reply_fail(&t, RPC_INVALID, "there is no stream %u", f->stream);
	return true;
}

static void refuse_large(struct conn *c, const struct frame *f)
{
	struct ticket t = ticket_for(c, f->stream);

	reply_fail(&t, RPC_EXHAUSTED, "message of %u bytes: at most %d", f->length,
		   FRAME_MAX);
	c->last_stream = f->stream;
	c->skip = f->length;
	c->in_len = 0;
}

/* The frame in the buffer, if it is whole. Serving it may close the connection. */
static void take_whole(struct conn *c)
{
	uint64_t generation = c->generation;
	struct frame f;
	bool good;

	if (c->in_len < FRAME_HEADER)
		return;
	frame_read(c->in, &f);
	if (f.length > FRAME_MAX) {
		refuse_large(c, &f);
		return;
	}
	if (c->in_len < FRAME_HEADER + f.length)
		return;
	c->in_len = 0;
	good = take_frame(c, &f);
	if (c->generation != generation)
		return;
	if (!good)
		close_conn(c);
	else if (f.length > KEEP)
		madvise(c->in, IN_SIZE, MADV_DONTNEED);
}

/* Never beyond the frame that is being read: what follows it stays in the socket, so that a frame begins the buffer. */
static size_t wanted(const struct conn *c)
{
	struct frame f;

	if (c->skip)
		return c->skip < KEEP ? c->skip : KEEP;
	if (c->in_len < FRAME_HEADER)
		return FRAME_HEADER - c->in_len;
	frame_read(c->in, &f);
	return FRAME_HEADER + f.length - c->in_len;
}

/* > 0: something was read. */
static ssize_t read_some(struct conn *c)
{
	ssize_t n = recv(c->watch.fd, c->in + (c->skip ? 0 : c->in_len), wanted(c),
			 MSG_DONTWAIT);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		close_conn(c);
		return -1;
	}
	if (c->skip)
		c->skip -= (size_t)n;
	else
		c->in_len += (size_t)n;
	return n;
}

/* One frame a time: other connections wait, too. */
static void on_conn(struct watch *w, uint32_t events)
{
	struct conn *c = OWNER(w, struct conn, watch);
	uint64_t generation = c->generation;

	if (events & EPOLLOUT)
		flush(c);
	while (c->generation == generation && read_some(c) > 0) {
		take_whole(c);
		if (!c->in_len)
			return;
	}
}

/* --- connections --- */

static struct conn *free_conn(void)
{
	for (int i = 0; i < CONNS_MAX; i++)
		if (!conns[i].generation)
			return &conns[i];
	return NULL;
}

/* Whoever is not us has no business here, whatever the socket's mode became. */
static bool is_welcome(int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) &&
	       peer.uid == geteuid() && peer.gid == getegid();
}

static void accept_again(struct timer *t)
{
	(void)t;
	if (listener.fd >= 0)
		loop_add(&listener, EPOLLIN);
}

static void on_listener(struct watch *w, uint32_t events)
{
	static struct timer pause = { .due = accept_again };
	auto_fd fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c = free_conn();

	(void)events;
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM)) {
		/* Whoever wants in stays in the queue: asking on and on would not help. */
		loop_remove(w);
		timer_set(&pause, PAUSE_MS);
	}
	if (fd < 0 || !is_welcome(fd))
		return;
	if (!c) {
		shim_log("warning", "more than %d connections", CONNS_MAX);
		return;
	}
	*c = (struct conn){ .watch = { .fd = -1, .ready = on_conn } };
	if (arena_init(&c->arena) < 0)
		return;
	c->in = arena_alloc(&c->arena, IN_SIZE);
	buf_init(&c->out, &c->arena, OUT_MAX);
	c->generation = ++generations;
	c->watch.fd = fd_take(&fd);
	if (loop_add(&c->watch, EPOLLIN) < 0)
		close_conn(c);
}

int server_init(int fd, const char *path)
{
	struct stat st;

	listener = (struct watch){ .fd = fd, .ready = on_listener };
	socket_path = path;
	if (lstat(path, &st) < 0)
		return -errno;
	socket_inode = st.st_ino;
	return loop_add(&listener, EPOLLIN);
}

unsigned long server_requests(void)
{
	return requests;
}

bool server_is_alone(void)
{
	for (int i = 0; i < CONNS_MAX; i++)
		if (conns[i].generation)
			return false;
	return true;
}

void server_stop_listening(void)
{
	struct stat now;

	/* Not that of a shim which came after us. */
	if (listener.fd >= 0 && !lstat(socket_path, &now) && now.st_ino == socket_inode)
		unlink(socket_path);
	loop_remove(&listener);
	fd_close(&listener.fd);
}
