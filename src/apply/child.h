/* child.c: the process between clone and the exec of init. */
#pragma once

#include <linux/sched.h>
#include <stdbool.h>
#include <stdint.h>

/* Everything the child needs, laid out by the parent: it shares the parent's memory,
 * and makes only raw system calls. */
struct child {
	/* In: */
	int exe; /* init's program */
	char *const *argv;
	int stdio[3];    /* -1 = as inherited */
	int (*moves)[2]; /* descriptor -> number in init */
	int n_moves;
	int keep;         /* descriptors from 3 on that are passed to the payload */
	int base, end;    /* the numbers of moves, [base, end) */
	bool ambient;     /* raise all capabilities as ambient */
	bool all_signals; /* the handlers are still set */
	int cgroup;       /* >= 0: join it here, clone could not */
	uint64_t late_ns; /* namespaces to make after that */
	/* Out: */
	const char *what; /* the call that failed */
	int error;        /* positive errno, 0 = init was executed */
};

/* Runs as the clone's child; never returns. */
void child_main(void *child);
