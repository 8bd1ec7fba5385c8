/* What the command line adds to a checkpoint or restore. */
#pragma once

#include "plan/build.h"

struct plan_criu {
	const char *program;        /* of criu */
	const struct pair *options; /* words of src/helpers/criu_options.c */
	size_t n_options;
	bool pre_dump;
	size_t n_hierarchies; /* of cgroups, mounted or not */
};

/* opts: bundle, id and state_root count. */
int plan_build_checkpoint(const struct spec *spec, const struct host *host,
			  const struct plan_opts *opts, const struct plan_criu *criu,
			  struct arena *arena, struct plan *ret, struct err *e);
int plan_build_restore(const struct spec *spec, const struct host *host,
		       const struct plan_opts *opts, const struct plan_criu *criu,
		       struct arena *arena, struct plan *ret, struct err *e);
