/*
 * Where a log goes. The journal and syslog are spoken to in their own protocols
 * (systemd: "Native Journal Protocol"; RFC 3164 on /dev/log), a datagram for each record:
 * no library is needed for that. A daemon that goes away or hangs meanwhile costs records,
 * never the container.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

/* Below what a datagram socket takes (net.core.wmem_default). */
enum { DATAGRAM_MAX = 65536, MESSAGE_MAX = 16384, FACILITY_DAEMON = 3, PATIENCE_S = 2 };

static const struct {
	const char *prefix, *socket, *daemon;
} kinds[] = {
	[LOG_FILE] = { "file:", NULL, NULL },
	[LOG_JOURNAL] = { "journald:", "/run/systemd/journal/socket",
			  "systemd-journald" },
	[LOG_SYSLOG] = { "syslog:", "/dev/log", "a syslog daemon" },
};

static int open_socket(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval patience = { .tv_sec = PATIENCE_S };
	auto_fd fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd_take(&fd);
}

static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0644);

	return fd < 0 ? -errno : fd;
}

int log_open(struct log *l, const char *where, struct err *e)
{
	struct log_target t = { .kind = LOG_FILE, .id = where };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t n = strlen(kinds[i].prefix);

		if (strncmp(where, kinds[i].prefix, n) != 0)
			continue;
		t.kind = (enum log_kind)i;
		t.id = where + n;
	}
	if (t.kind == LOG_FILE) {
		t.fd = open_file(t.id);
		if (t.fd < 0)
			return err_sys(e, -t.fd, "open log %s", t.id);
	} else {
		t.fd = open_socket(kinds[t.kind].socket);
		if (t.fd < 0)
			return err_sys(e, -t.fd, "--log %s needs %s: connect to %s",
				       where, kinds[t.kind].daemon, kinds[t.kind].socket);
		if (!*t.id)
			t.id = "skiff";
	}
	l->target[l->n++] = t;
	return 0;
}

/* RFC 5424, 6.2.1 */
static int severity(enum log_level level)
{
	static const int values[] = { [LOG_ERROR] = 3, [LOG_WARN] = 4, [LOG_DEBUG] = 7 };

	return values[level];
}

/* A value with a newline is preceded by its length; nothing in it can begin another
 * field. */
static void put_field(struct buf *b, const char *name, const char *value)
{
	size_t n = value ? strnlen(value, MESSAGE_MAX) : 0;

	if (!n)
		return;
	buf_str(b, name);
	if (memchr(value, '\n', n)) {
		uint64_t size = n;

		buf_char(b, '\n');
		for (int i = 0; i < 8; i++)
			buf_char(b, (char)(size >> 8 * i & 0xff));
	} else {
		buf_char(b, '=');
	}
	buf_add(b, value, n);
	buf_char(b, '\n');
}

static void put_journal(struct buf *b, const struct log_target *t,
			const struct log_record *r)
{
	char number[16] = "";

	put_field(b, "MESSAGE", r->msg);
	buf_fmt(b, "PRIORITY=%d\nSYSLOG_FACILITY=%d\n", severity(r->level),
		FACILITY_DAEMON);
	put_field(b, "SYSLOG_IDENTIFIER", t->id);
	put_field(b, "SKIFF_CODE", r->code);
	put_field(b, "SKIFF_STEP", r->step);
	put_field(b, "SKIFF_PATH", r->path);
	if (r->errnum)
		snprintf(number, sizeof(number), "%d", r->errnum);
	put_field(b, "ERRNO", number);
}

static void put_syslog(struct buf *b, const struct log_target *t, bool json,
		       const struct log_record *r)
{
	time_t now = time(NULL);
	char when[32] = "";
	struct tm tm;

	/* Without LC_TIME set, as in skiff, the names of months are English. */
	if (localtime_r(&now, &tm))
		strftime(when, sizeof(when), "%b %e %H:%M:%S", &tm);
	buf_fmt(b, "<%d>%s ", FACILITY_DAEMON << 3 | severity(r->level), when);
	buf_safe(b, t->id);
	buf_fmt(b, "[%d]: ", (int)getpid());
	if (json) {
		log_put_json(b, r);
		return;
	}
	if (r->level != LOG_ERROR)
		buf_fmt(b, "%s: ", log_level_name(r->level));
	buf_safe(b, r->msg);
}

void log_send(struct log_target *t, bool json, struct arena *arena,
	      const struct log_record *r)
{
	struct buf b;

	buf_init(&b, arena, DATAGRAM_MAX);
	if (t->kind == LOG_JOURNAL)
		put_journal(&b, t, r);
	else
		put_syslog(&b, t, json, r);
	/* There is nowhere to report a log that cannot be written; the next record would
	 * wait as long. */
	if (t->fd >= 0 && send(t->fd, b.p, b.len, MSG_NOSIGNAL) < 0)
		fd_close(&t->fd);
}
