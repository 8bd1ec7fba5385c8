/*
 * containerd's events service (containerd.services.events.ttrpc.v1.Events, Forward) as a client. An event is sent when the one
 * before was answered; without a connection or an answer it is tried again with growing pauses, and dropped after TRIES. Each event
 * has its own memory: the queue may be busy for ever.
 */
#include "shim/publish.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "shim/log.h"
#include "shim/loop.h"
#include "shim/proto/events.pb-c.h"
#include "shim/wire.h"

enum {
	QUEUE_MAX = 2048,
	TRIES = 5,
	ANSWER_MS = 5000,
	PAUSE_MS = 1000,
	ANSWER_MAX = 65536
};

struct event {
	struct event *next;
	struct arena arena;
	const char *topic;
	ProtobufCBinaryData request; /* a ForwardRequest */
	int tries;
};

static const char *address, *namespace_;
static struct event *first, **last = &first;
static size_t queued;
static struct watch connection = { .fd = -1 };
static uint32_t stream; /* of the request that is on the way */
static bool waiting;    /* for its answer */
static char answer[ANSWER_MAX];
static size_t answer_len;

static void send_next(void);
static void try_again(struct timer *t);
static struct timer pause_ = { .due = try_again }, limit;

/* --- the queue --- */

static void drop_first(void)
{
	struct arena arena = first->arena;

	first = first->next;
	queued--;
	if (!first)
		last = &first;
	arena_done(&arena);
}

static ProtobufCBinaryData envelop(struct arena *arena, const char *topic,
				   const char *type, const ProtobufCMessage *event)
{
	Pb__ForwardRequest forward = PB__FORWARD_REQUEST__INIT;
	Pb__Envelope envelope = PB__ENVELOPE__INIT;
	Pb__Timestamp now = PB__TIMESTAMP__INIT;
	Pb__Any any = PB__ANY__INIT;
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	now.seconds = t.tv_sec;
	now.nanos = (int32_t)t.tv_nsec;
	any.type_url = arena_printf(arena, "containerd.events.%s", type);
	any.value = wire_pack(arena, event);
	envelope.timestamp = &now;
	envelope.namespace_ = (char *)namespace_;
	envelope.topic = (char *)topic;
	envelope.event = &any;
	forward.envelope = &envelope;
	return wire_pack(arena, &forward.base);
}

void publish(const char *topic, const char *type, const ProtobufCMessage *event)
{
	struct arena arena;
	struct event *e;

	if (!address)
		return;
	if (queued == QUEUE_MAX || arena_init(&arena) < 0) {
		shim_log("error", "event %s is lost: %zu wait already", topic, queued);
		return;
	}
	e = arena_new(&arena, struct event);
	e->topic = topic;
	e->request = envelop(&arena, topic, type, event);
	e->arena = arena;
	*last = e;
	last = &e->next;
	queued++;
	if (queued == 1 && !pause_.set)
		send_next();
}

bool publish_is_idle(void)
{
	return !first;
}

/* --- the connection --- */

static void disconnect(void)
{
	loop_remove(&connection);
	fd_close(&connection.fd);
	waiting = false;
	answer_len = 0;
	timer_stop(&limit);
}

static void fail(const char *why)
{
	disconnect();
	if (!first)
		return;
	if (++first->tries == TRIES) {
		shim_log("error", "event %s is lost: %s", first->topic, why);
		drop_first();
	}
	if (first)
		timer_set(&pause_, PAUSE_MS * (first->tries ? first->tries : 1));
}

static void on_limit(struct timer *t)
{
	(void)t;
	fail("containerd does not answer");
}

static void try_again(struct timer *t)
{
	(void)t;
	send_next();
}

/* What containerd thinks of the event does not matter: it has it. */
static void take_answer(void)
{
	struct frame f;

	frame_read(answer, &f);
	if (f.length > ANSWER_MAX - FRAME_HEADER) {
		fail("an answer that is too large");
		return;
	}
	if (answer_len < FRAME_HEADER + f.length)
		return;
	answer_len = 0;
	if (!waiting || f.stream != stream)
		return;
	waiting = false;
	timer_stop(&limit);
	drop_first();
	if (first)
		send_next();
}

static void on_answer(struct watch *w, uint32_t events)
{
	size_t wanted = FRAME_HEADER;
	struct frame f;
	ssize_t n;

	(void)events;
	if (answer_len >= FRAME_HEADER) {
		frame_read(answer, &f);
		wanted += f.length;
	}
	n = recv(w->fd, answer + answer_len, wanted - answer_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		fail("containerd closed the connection");
		return;
	}
	answer_len += (size_t)n;
	if (answer_len >= FRAME_HEADER)
		take_answer();
}

static bool open_connection(void)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (strlen(address) >= sizeof(to.sun_path))
		return false;
	strcpy(to.sun_path, address);
	connection = (struct watch){ .ready = on_answer };
	connection.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	stream = UINT32_MAX;
	return connection.fd >= 0 &&
	       !connect(connection.fd, (struct sockaddr *)&to, sizeof(to)) &&
	       !loop_add(&connection, EPOLLIN);
}

/* An event is far smaller than a socket's buffer, and only one is on the way: what does not go at once is a failure. */
static bool send_frame(const struct event *e)
{
	Pb__Request request = PB__REQUEST__INIT;
	Pb__KeyValue name = PB__KEY_VALUE__INIT, *names[] = { &name };
	auto_arena arena = { 0 };
	struct buf frame;

	if (arena_init(&arena) < 0)
		return false;
	name.key = (char *)"containerd-namespace-ttrpc";
	name.value = (char *)namespace_;
	request.service = (char *)"containerd.services.events.ttrpc.v1.Events";
	request.method = (char *)"Forward";
	request.payload = e->request;
	request.metadata = names;
	request.n_metadata = 1;
	/* Odd and growing: 1, 3, 5 ... */
	stream += 2;
	buf_init(&frame, &arena, FRAME_MAX);
	frame_add(&frame, stream, FRAME_REQUEST, &request.base);
	return !frame.full && send(connection.fd, frame.p, frame.len,
				   MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)frame.len;
}

static void send_next(void)
{
	if (connection.fd < 0 && !open_connection()) {
		fail("containerd cannot be reached");
		return;
	}
	if (!send_frame(first)) {
		fail("it cannot be sent");
		return;
	}
	waiting = true;
	timer_set(&limit, ANSWER_MS);
}

void publish_init(const char *to, const char *namespace)
{
	address = to && *to ? to : NULL;
	namespace_ = namespace;
	limit.due = on_limit;
}
