/* What is told to agents and managers of the host: seccomp listeners, readiness. */
#pragma once

#include "runtime/container.h"

/* listener.c */
/* The listener of a process's filter, for the agent at the other end of sock. c->pid is init's. */
int listener_hand_over(struct container *c, const char *status, pid_t pid, int sock,
		       int listener, struct err *e);

/* notify.c */
/* Reads what came on the container's notify socket: 1 = it is ready, and the service manager knows; 0 = not yet; or -1. */
int notify_pass_on(int fd, pid_t pid, struct err *e);
/* The same until it is ready or has ended. */
void notify_wait(struct skiff *s, int fd, pid_t pid, int pidfd);

/* state.c */
/* The state of the process `pid` of the container c, as seccomp agents get it. */
void state_report_process(const struct container *c, const char *status, pid_t pid,
			  const char *metadata, struct buf *b);
