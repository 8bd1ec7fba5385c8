/*
 * One log record at a time, as text or as the JSON object {level, msg, time} that engines
 * read, with more keys for errors. A record is one line and one write(2), whatever the
 * message holds. It goes to a file, to the journal or to syslog, or to two of them.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };
enum log_kind { LOG_FILE, LOG_JOURNAL, LOG_SYSLOG };

struct log_target {
	enum log_kind kind;
	int fd;
	const char *id; /* of the journal and of syslog: who speaks */
};

enum { LOG_TARGETS = 2 };

struct log {
	struct log_target target[LOG_TARGETS];
	size_t n; /* 0 = stderr alone */
	enum log_format format;
	enum log_level level; /* what is shown */
};

struct log_record {
	enum log_level level;
	const char *msg;
	/* Of errors; NULL or 0 = left out. */
	const char *code, *step, *path, *errno_name;
	int errnum;
};

/* Adds a target: "PATH", "file:PATH", "journald:ID" or "syslog:ID" (ID may be empty). The
 * string must outlive the log. 0 or -1. */
int log_open(struct log *l, const char *where, struct err *e);
/* Writes to all targets. Errors go to stderr too, as text; without a target everything
 * goes to stderr in the format asked for. */
void log_record(struct log *l, struct arena *arena, const struct log_record *r);
const char *log_level_name(enum log_level level);

/* The present time as all records have it: "2026-11-22T19:31:46.123456789Z". */
void log_put_time(struct buf *b);
/* log.c, for log_open.c: the record as JSON, without a newline. */
void log_put_json(struct buf *b, const struct log_record *r);
/* log_open.c: sends one record to the journal or to syslog. */
void log_send(struct log_target *t, bool json, struct arena *arena,
	      const struct log_record *r);
