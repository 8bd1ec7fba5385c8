/*
 * Actions of libskiff that make, start, freeze or remove something may take long: hooks, criu, a file system that does not answer.
 * They are done by a child that is forked for it, so that the loop goes on: other containers of the pod do not wait. What the child
 * starts is ours when it has ended, as the shim is the subreaper.
 */
#pragma once

#include <skiff/skiff.h>
#include <stdbool.h>

#include "shim/loop.h"

struct proc;

/* What came of an action. */
struct outcome {
	int r;                        /* 0 or -1 */
	struct skiff_process process; /* of those that start one */
	struct skiff_error error;
};

/* In the child. 0 or -1 with o->error. What it leaves behind is in *o alone. */
typedef int action(struct proc *p, struct skiff *s, struct outcome *o);
typedef void after(struct proc *p, struct outcome *o);

/* The one action of a process that goes on (init: of its container); part of it. */
struct work {
	struct watch answer; /* of the child; fd -1 = there is none */
	after *done;
	const void *wish; /* what the action needs; while work_do() is called */
};

void work_init(struct work *w);
bool work_goes_on(const struct work *w);
/* Has it done, and done() called. */
void work_do(struct proc *p, action *act, after *done);
/* done() will not be called. */
void work_forget(struct work *w);
/* Calls done() for every child that has answered. Whoever reaps children does this first: an action's process may
 * have ended already. */
void works_collect(void);
