/*
 * skiff-systemd: asks systemd for a container's cgroup (--cgroup-manager systemd). A program of its own, so that only such
 * containers pay for libsystemd and what it is linked to.
 *
 * Arguments: addresses, tried one after the other. Descriptor 0 is a SOCK_SEQPACKET socket to skiff. There is one request,
 * NUL-terminated words: "start UNIT PID PROPERTIES", "set UNIT PROPERTIES" or "stop UNIT"; a property is a name, a D-Bus
 * signature and the words of its value (value.c). The answer is "ERRNO WORDS".
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
	const char *verb = words_next(w), *unit = words_next(w), *pid;

	if (verb && unit && !strcmp(verb, "start") && (pid = words_next(w)))
		return bus_start(b, unit, (uint32_t)strtoul(pid, NULL, 10), w, f);
	if (verb && unit && !strcmp(verb, "set"))
		return bus_set(b, unit, w, f);
	if (verb && unit && !strcmp(verb, "stop"))
		return bus_stop(b, unit, f);
	return fault_set(f, EINVAL, "the request is not understood");
}

int main(int argc, char **argv)
{
	static char request[REQUEST_MAX];
	struct fault f = { 0 };
	struct bus b = { 0 };
	char answer[sizeof(f.words) + 16];
	struct words w;
	ssize_t n;
	int r, size;

	(void)argc;
	/* While skiff makes its own preparations. */
	r = bus_open(&b, argv + 1, &f);
	do
		n = recv(SOCKET, request, sizeof(request), 0);
	while (n < 0 && errno == EINTR);
	/* Skiff has no use for a unit any more. */
	if (n <= 0)
		return 0;
	w = (struct words){ request, request + n };
	if (r >= 0)
		r = obey(&b, &w, &f);
	size = snprintf(answer, sizeof(answer), "%d %s", r < 0 ? f.error : 0,
			r < 0 ? f.words : "done");
	while (send(SOCKET, answer, (size_t)size, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	sd_bus_flush_close_unref(b.bus);
	return r < 0;
}
