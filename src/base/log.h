/*
 * One log record at a time, as text or as the JSON object {level, msg, time} that engines
 * read, with more keys for errors. A record is one line and one write(2), whatever the
 * message holds.
 */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_DEBUG };
enum log_format { LOG_TEXT, LOG_JSON };

struct log {
	int fd; /* of --log, -1 = none */
	enum log_format format;
	enum log_level level; /* what is shown */
};

struct log_record {
	enum log_level level;
	const char *msg;
	/* Of errors; NULL or 0 = left out. */
	const char *code, *step, *path, *errno_name;
};

/* Writes to the log file, if there is one. Errors go to stderr too, as text; without a
 * log file everything goes to stderr in the format asked for. */
void log_record(const struct log *l, struct arena *arena, const struct log_record *r);
const char *log_level_name(enum log_level level);
