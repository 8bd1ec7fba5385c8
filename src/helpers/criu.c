/*
 * skiff-criu: stands between skiff and criu, for `checkpoint` and `restore` alone. It is two programs:
 *
 * "skiff-criu run CRIU STAGE ROOTFS [PATH SOURCE]..." becomes criu, which serves one request on a socket (criu_run.c).
 *
 * "skiff-criu talk" turns words into criu's messages and back, so that nobody else needs protobuf. Descriptor 0 is a
 * SOCK_SEQPACKET socket to skiff, 3 one to criu. There is one request, NUL-terminated words: "dump", "pre-dump" or "restore"
 * and the words of its options (criu_options.c). Answers: "notify SCRIPT PID", with a descriptor if criu sends one, to which
 * skiff says "go" or ends; and last "done PID" or "failed ERRNO WORDS".
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/packet.h"
#include "helpers/criu.h"
#include "helpers/criu.pb-c.h"

enum { REQUEST_MAX = 160 * 1024, ANSWER_MAX = 64 * 1024 };
/* Of criu's messages. */
enum {
	TYPE_DUMP = 1,
	TYPE_RESTORE = 2,
	TYPE_PRE_DUMP = 4,
	TYPE_NOTIFY = 6,
	TYPE_VERSION = 10
};

int send_packet(int sock, const char *text, int fd)
{
	return packet_send(sock, text, strlen(text), fd);
}

static int answer(int fd, const char *form, ...) __attribute__((format(printf, 2, 3)));
static int answer(int fd, const char *form, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, form);
	vsnprintf(text, sizeof(text), form, ap);
	va_end(ap);
	return send_packet(SKIFF, text, fd);
}

static ssize_t hear_skiff(char *to, size_t size)
{
	ssize_t n;

	do
		n = recv(SKIFF, to, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

/* --- criu's side --- */

static int ask_criu(const Skiff__Criu__Request *r, struct arena *arena)
{
	size_t size = skiff__criu__request__get_packed_size(r);
	uint8_t *data = arena_alloc(arena, size);
	ssize_t n;

	skiff__criu__request__pack(r, data);
	do
		n = send(CRIU, data, size, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -1 : 0;
}

/* The next message, and the descriptor that comes with it (-1 = none); NULL = criu has ended, or makes no sense. */
static Skiff__Criu__Response *hear_criu(int *ret_fd)
{
	static uint8_t text[ANSWER_MAX];
	const struct iovec part = { text, sizeof(text) };
	ssize_t n = packet_receive(CRIU, &part, 1, ret_fd);

	if (n <= 0)
		return NULL;
	return skiff__criu__response__unpack(NULL, (size_t)n, text);
}

/* --- the conversation --- */

/* criu waits at a point that skiff may want to use. 0 = go on. */
static int pass_notify(const Skiff__Criu__Notify *notify, int fd, struct arena *arena)
{
	Skiff__Criu__Request yes = SKIFF__CRIU__REQUEST__INIT;
	char word[16];
	int r = answer(fd, "notify %s %d",
		       notify && notify->script ? notify->script : "?",
		       notify ? notify->pid : 0);

	if (fd >= 0)
		close(fd);
	if (r < 0 || hear_skiff(word, sizeof(word)) < 2 || memcmp(word, "go", 2) != 0)
		return -1;
	yes.type = TYPE_NOTIFY;
	yes.has_notify_success = yes.notify_success = true;
	return ask_criu(&yes, arena);
}

static int tell_end(const Skiff__Criu__Response *r)
{
	if (r->success)
		return answer(-1, "done %d", r->restored ? r->restored->pid : 0);
	return answer(-1, "failed %d %s", r->has_error ? r->error : 0,
		      r->words ? r->words : "");
}

/* A lazy dump waits for whoever fetches the memory, for ever: it ends with skiff. criu made the socket itself. */
static void await_criu(void)
{
	struct pollfd p[] = { { .fd = CRIU, .events = POLLIN }, { .fd = SKIFF } };
	struct ucred criu;
	socklen_t n = sizeof(criu);

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (!p[0].revents && p[1].revents &&
	    !getsockopt(CRIU, SOL_SOCKET, SO_PEERCRED, &criu, &n))
		kill(criu.pid, SIGKILL);
}

static int converse(const Skiff__Criu__Request *request, struct arena *arena)
{
	bool lazy = request->type == TYPE_DUMP && request->options->lazy_pages;

	for (;;) {
		Skiff__Criu__Response *r;
		int fd, done;

		if (lazy)
			await_criu();
		r = hear_criu(&fd);

		if (!r)
			return answer(-1, "failed 0 criu ended without an answer");
		done = r->type == TYPE_NOTIFY ? pass_notify(r->notify, fd, arena) : 1;
		if (done > 0)
			tell_end(r);
		skiff__criu__response__free_unpacked(r, NULL);
		if (done)
			return done < 0 ? -1 : 0;
	}
}

/* Options that an older criu does not know are passed over by it: it must be new enough. */
static int check_version(struct arena *arena)
{
	Skiff__Criu__Request ask = SKIFF__CRIU__REQUEST__INIT;
	Skiff__Criu__Response *r;
	int fd, old;

	ask.type = TYPE_VERSION;
	ask.has_keep_open = ask.keep_open = true;
	if (ask_criu(&ask, arena) < 0)
		return answer(-1, "failed 0 criu ended before it was asked");
	r = hear_criu(&fd);
	old = !r || !r->version ||
	      r->version->major * 100 + r->version->minor < CRIU_OLDEST;
	if (old && r && r->version)
		answer(-1, "failed 0 criu %d.%d is too old: %d.%d is needed",
		       r->version->major, r->version->minor, CRIU_OLDEST / 100,
		       CRIU_OLDEST % 100);
	else if (old)
		answer(-1, "failed 0 criu does not tell its version");
	if (r)
		skiff__criu__response__free_unpacked(r, NULL);
	return old ? -1 : 0;
}

static int verb_type(const char *verb)
{
	if (!strcmp(verb, "dump"))
		return TYPE_DUMP;
	if (!strcmp(verb, "pre-dump"))
		return TYPE_PRE_DUMP;
	return !strcmp(verb, "restore") ? TYPE_RESTORE : 0;
}

static int talk(void)
{
	static char text[REQUEST_MAX];
	Skiff__Criu__Options options = SKIFF__CRIU__OPTIONS__INIT;
	Skiff__Criu__Request request = SKIFF__CRIU__REQUEST__INIT;
	ssize_t n = hear_skiff(text, sizeof(text));
	auto_arena arena;
	const char *bad;

	if (arena_init(&arena) < 0)
		return answer(-1, "failed 0 out of memory");

	/* Skiff has no use for criu any more. */
	if (n <= 0)
		return 0;
	if (text[n - 1])
		return answer(-1, "failed 0 the request has no end");
	bad = options_read(text + strlen(text) + 1, text + n, &arena, &options);
	request.type = verb_type(text);
	if (bad || !request.type)
		return answer(-1, "failed 0 the request is not understood: %s",
			      bad ? bad : text);
	if (check_version(&arena) < 0)
		return -1;
	request.options = &options;
	if (ask_criu(&request, &arena) < 0)
		return answer(-1, "failed 0 criu ended before it was asked");
	return converse(&request, &arena);
}

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "run"))
		return criu_run(argv + 2);
	return talk() < 0;
}
