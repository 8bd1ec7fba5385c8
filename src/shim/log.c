/* logfmt, one write(2) a line. containerd may be gone for a while: never blocks, and the second end keeps the fifo whole. */
#include "shim/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"

void shim_log(const char *level, const char *fmt, ...)
{
	auto_arena arena = { 0 };
	char text[2048];
	struct buf line;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (arena_init(&arena) < 0)
		return;
	buf_init(&line, &arena, 16384);
	buf_str(&line, "time=\"");
	log_put_time(&line);
	buf_fmt(&line, "\" level=%s msg=", level);
	buf_json(&line, text);
	buf_char(&line, '\n');
	if (write(STDERR_FILENO, line.p, line.len) < 0)
		return; /* nobody reads */
}

void shim_log_open(void)
{
	/* Both ends: a write is then no EPIPE while containerd is away. */
	int fd = open("log", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (fd > STDERR_FILENO)
		close(fd);
}
