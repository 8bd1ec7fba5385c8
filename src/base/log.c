/*
 * Log records. The text form is for people ("skiff: message"); in a log file it carries
 * time and level. Nothing that is logged can begin a second line or drive a terminal:
 * buf_safe() and buf_json() see to that.
 */
#include "base/log.h"

#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"

enum { RECORD_MAX = 32768 };

const char *log_level_name(enum log_level level)
{
	static const char *const names[] = { "error", "warning", "debug" };

	return names[level];
}

void log_put_time(struct buf *b)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	buf_fmt(b, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, now.tv_nsec);
}

static void put_member(struct buf *b, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buf_fmt(b, ",\"%s\":", key);
	buf_json(b, value);
}

void log_put_json(struct buf *b, const struct log_record *r)
{
	buf_fmt(b, "{\"level\":\"%s\",\"msg\":", log_level_name(r->level));
	buf_json(b, r->msg);
	buf_str(b, ",\"time\":\"");
	log_put_time(b);
	buf_char(b, '"');
	put_member(b, "code", r->code);
	put_member(b, "step", r->step);
	put_member(b, "path", r->path);
	put_member(b, "errno", r->errno_name);
	buf_char(b, '}');
}

static void put_json(struct buf *b, const struct log_record *r)
{
	log_put_json(b, r);
	buf_char(b, '\n');
}

static void put_plain(struct buf *b, const struct log_record *r)
{
	buf_str(b, "skiff: ");
	if (r->level != LOG_ERROR)
		buf_fmt(b, "%s: ", log_level_name(r->level));
	buf_safe(b, r->msg);
	buf_char(b, '\n');
}

static void put_text(struct buf *b, const struct log_record *r)
{
	log_put_time(b);
	buf_fmt(b, " %s: ", log_level_name(r->level));
	buf_safe(b, r->msg);
	buf_char(b, '\n');
}

static void emit(int fd, struct arena *arena, const struct log_record *r,
		 void (*put)(struct buf *b, const struct log_record *r))
{
	struct buf b;

	buf_init(&b, arena, RECORD_MAX);
	put(&b, r);
	/* There is nowhere to report a log that cannot be written. */
	(void)fd_write_all(fd, b.p, b.len);
}

void log_record(struct log *l, struct arena *arena, const struct log_record *r)
{
	bool json = l->format == LOG_JSON;

	if (r->level > l->level)
		return;
	if (!l->n) {
		emit(STDERR_FILENO, arena, r, json ? put_json : put_plain);
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		if (l->target[i].kind == LOG_FILE)
			emit(l->target[i].fd, arena, r, json ? put_json : put_text);
		else
			log_send(&l->target[i], json, arena, r);
	if (r->level == LOG_ERROR)
		emit(STDERR_FILENO, arena, r, put_plain);
}
