/* How the shim was called, and how the engine wants containers to be run. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* The command line: Go's flag syntax. */
struct shim_args {
	const char *namespace, *address, *id, *bundle;
	bool info, version, help;
	const char *action; /* "start", "delete" or NULL = serve */
};
/* 0 or -1. */
int args_read(int argc, char **argv, struct shim_args *ret, struct err *e);

struct run_options {
	bool no_pivot, no_new_keyring, systemd_cgroup;
	const char *shim_cgroup;    /* "" = none */
	const char *root;           /* of libskiff's state, with the namespace */
	const char *criu_work_path; /* NULL = the image's directory */
};
/* From a task's or a runtime's options: an Any of containerd.runc.v1.Options or runtimeoptions.v1.Options. Others and
 * unset members leave *o as it is. */
void run_options_read(const char *type, const void *data, size_t n, struct arena *arena,
		      struct run_options *o);
void run_options_default(const char *namespace, struct arena *arena,
			 struct run_options *ret);
