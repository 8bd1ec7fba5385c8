/* The plan of new limits and device rules for a live container. */
#pragma once

#include "plan/build.h"

struct plan_update {
	const struct resources *resources;
	const struct resources
		*devices; /* the rules of create, earlier updates and this */
	const struct limits_now *now;
	/* New lines for the schemata of the container's class of resctrl; or NULL. */
	const char *resctrl, *schemata;
};

/* Origins of its steps and errors are paths in the update's own file. 0 or -1. */
int plan_build_update(const struct plan_update *u, const struct host *host,
		      const struct plan_target *target, struct arena *arena,
		      struct plan *ret, struct err *e);
/* All device rules in their order, those so far and then more, without those that no
 * longer matter. Only ret->devices is filled. */
void plan_devices_merge(const struct resources *old, const struct resources *more,
			struct arena *arena, struct resources *ret);
