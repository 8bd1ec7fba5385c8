/*
 * Actions of libskiff. What may take long (hooks, criu) is done by a child that is forked for it, so that the loop goes on: other
 * containers of the pod do not wait. What the child starts is ours when it has ended, as the shim is the subreaper.
 */
#pragma once

#include <skiff/skiff.h>
#include <stdbool.h>

#include "shim/loop.h"

struct task;

/* What came of an action. */
struct outcome {
	int r;                        /* 0 or -1 */
	struct skiff_process process; /* of those that start one */
	struct skiff_error error;
};

/* 0 or -1 with o->error. It may be another process in which this runs: what it leaves behind is in *o alone. */
typedef int action(struct task *t, struct skiff *s, struct outcome *o);

/* The one action of a task that goes on; part of it. */
struct work {
	struct watch answer; /* of the child; fd -1 = there is none */
	void (*done)(struct task *t, struct outcome *o);
	const void *wish; /* what the action needs; while work_do() is called */
};

void work_init(struct work *w);
bool work_goes_on(const struct work *w);
/* Does it, at once or (apart) in a child, and calls done(). */
void work_do(struct task *t, bool apart, action *act,
	     void (*done)(struct task *t, struct outcome *o));
/* Calls done() for every child that has answered. Whoever reaps children does this first: an action's process may
 * have ended already. */
void works_collect(void);
