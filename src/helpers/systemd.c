/*
 * skiff-systemd: asks systemd for a container's cgroup (--cgroup-manager systemd). A program of its own, so that only such
 * containers pay for libsystemd and what it is linked to.
 *
 * Arguments: addresses, tried one after the other. Descriptor 0 is a SOCK_SEQPACKET socket to skiff. There is one request,
 * NUL-terminated words: "start UNIT PID PROPERTIES", "attach UNIT PID SUBCGROUP", "set UNIT PROPERTIES" or "stop UNIT"; a
 * property is a name, a D-Bus signature and the words of its value (value.c). The answer is "ERRNO WORDS". After "set" the
 * old values come back unless "keep" follows: whatever ends skiff ends the socket.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "helpers/bus.h"

enum { SOCKET = 0, REQUEST_MAX = 160 * 1024 };

static int obey(struct bus *b, struct words *w, struct fault *f)
{
	const char *verb = words_next(w), *unit = words_next(w), *pid, *sub;

	if (verb && unit && !strcmp(verb, "start") && (pid = words_next(w)))
		return bus_start(b, unit, (uint32_t)strtoul(pid, NULL, 10), w, f);
	if (verb && unit && !strcmp(verb, "attach") && (pid = words_next(w)) &&
	    (sub = words_next(w)))
		return bus_attach(b, unit, sub, (uint32_t)strtoul(pid, NULL, 10), f);
	if (verb && unit && !strcmp(verb, "set"))
		return bus_set(b, unit, w, f);
	if (verb && unit && !strcmp(verb, "stop"))
		return bus_stop(b, unit, f);
	return fault_set(f, EINVAL, "the request is not understood");
}

static ssize_t hear(char *text, size_t size)
{
	ssize_t n;

	do
		n = recv(SOCKET, text, size, 0);
	while (n < 0 && errno == EINTR);
	return n;
}

static void say(int error, const char *words)
{
	char text[sizeof(((struct fault *)NULL)->words) + 16];
	int size = snprintf(text, sizeof(text), "%d %s", error, words);

	while (send(SOCKET, text, (size_t)size, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

int main(int argc, char **argv)
{
	static char request[REQUEST_MAX];
	struct fault f = { 0 };
	struct bus b = { 0 };
	struct words w;
	ssize_t n;
	int r;

	(void)argc;
	/* While skiff makes its own preparations. */
	r = bus_open(&b, argv + 1, &f);
	n = hear(request, sizeof(request));
	/* Skiff has no use for a unit any more. */
	if (n <= 0)
		return 0;
	w = (struct words){ request, request + n };
	if (r >= 0)
		r = bus_ready(&b, &f);
	if (r >= 0)
		r = obey(&b, &w, &f);
	say(r < 0 ? f.error : 0, r < 0 ? f.words : "done");
	if (r >= 0 && b.back && hear(request, sizeof(request)) <= 0)
		r = bus_put_back(&b);
	/* Every call was waited for; to flush would be to wait for one who does not answer. */
	sd_bus_message_unref(b.back);
	sd_bus_close_unref(b.bus);
	return r < 0;
}
