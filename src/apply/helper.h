/* helper.c: programs beside skiff that do one thing for one step. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/err.h"

/* A descriptor of ours, and its number in the program. */
struct helper_fd {
	int from, to;
};

/* Starts a program with this environment (NULL = none), no signal blocked and these descriptors. 0 or a positive errno. */
int helper_start(const char *path, char *const *argv, char *const *env,
		 const struct helper_fd *fds, size_t n, pid_t *ret);
/* Hears its answer, "ERRNO WORDS": the errno, 0 = done, with the words in text; -1: it has ended without one. */
int helper_hear(int fd, char *text, size_t size, const char **ret_words);
/* Waits for its end; the status of waitpid(2). */
int helper_end(pid_t pid);
/* The path of one of our own (skiff-net): installed, or beside the running program. -1 with *e set: neither is there. */
int helper_find(const char *name, struct arena *arena, const char **ret, struct err *e);
