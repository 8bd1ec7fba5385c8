/* run.c: what create, run and restore have in common: a container is made. */
#pragma once

#include "cli/cli.h"

struct create_opts {
	const char *bundle, *config, *console_socket, *pidfd_socket, *pid_file, *trace;
	bool no_pivot, no_subreaper, detach, keep;
	uint32_t preserve_fds;
};

/* Rows of their tables: S has a struct create_opts, create. */
/* clang-format off */
#define CREATE_OPTS(S) \
	O_DIR(S, create.bundle, 'b', "bundle", "DIR", "Directory of the bundle (default: the working directory)."), \
	O_PATH_(S, create.config, 'f', "config", "FILE", "Configuration to use instead of the bundle's config.json."), \
	O_PATH_(S, create.console_socket, 0, "console-socket", "PATH", "Unix socket to send the terminal's master to."), \
	O_PATH_(S, create.pidfd_socket, 0, "pidfd-socket", "PATH", "Unix socket to send a pidfd of the process to."), \
	O_PATH_(S, create.pid_file, 0, "pid-file", "FILE", "File to write the process id to."), \
	O_PATH_(S, create.trace, 0, "trace", "FILE", "File to write the time of each step to, as a Chrome trace.")
/* Of those that wait for its end. */
#define WAIT_OPTS(S) \
	O_FLAG(S, create.detach, 'd', "detach", "Return as soon as the program runs, do not wait for it."), \
	O_FLAG(S, create.keep, 0, "keep", "Keep the container when it has stopped, until \"skiff delete\"."), \
	O_FLAG(S, create.no_subreaper, 0, "no-subreaper", "Do not become the parent of the container's orphaned processes while waiting.")
/* clang-format on */

/* What is asked of libskiff: 0, or the exit status after an error was logged. */
int create_fill(struct cli *cli, const struct create_opts *o, const char *id,
		struct skiff_create *ret);
/* Before the container is made, unless it is detached. */
void create_will_wait(struct cli *cli, const struct create_opts *o,
		      struct skiff_create *c);
