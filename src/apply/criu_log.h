/* criu_log.c: what criu says in its log alone. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* Its log: the directory, its path, the file's name. */
struct criu_log {
	int dir;
	const char *path, *name;
};

/* A failure of criu's: has the first error in its log, what can be done about it, and where the log is. Always -1. */
int criu_blame(const struct criu_log *l, struct arena *arena, struct err *e);
/* While criu says nothing: how long its log has been as it is. */
struct criu_watch {
	struct criu_log log;
	bool lazy;
	off_t size;
	int silent_ms, given_up_ms;
};
/* ms later. -1: there is nothing to be waited for any more. */
int criu_watch(struct criu_watch *w, int ms, struct err *e);
