/* The device rules of a container with cgroup v2. Each function returns 0, or -1 with *e filled. */
#pragma once

#include "runtime/container.h"

/* The rules that are in force: those of the last update, else the configuration's. */
int device_record_load(struct container *c, struct resources *ret, struct err *e);
/* They are about to be, as this program. */
int device_record_ahead(struct container *c, const struct resources *rules, int program,
			struct err *e);
/* Now they are; or whatever the kernel says. */
int device_record_keep(struct container *c, struct err *e);
int device_record_settle(struct container *c, struct err *e);
