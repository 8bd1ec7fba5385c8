/* Statistics and events of a container, between reading and printing them. */
#pragma once

#include "base/buf.h"
#include "cgroup/stats.h"
#include "cgroup/stats_rdt.h"
#include "runtime/container.h"

struct stats_data {
	struct cgroup_stats cgroup;
	struct stat_rdt rdt;
	char *interfaces; /* as JSON */
};

struct stats_event {
	char *type, *id;
	struct stats_data *data;
};

/* Reads everything there is about a container whose state is loaded, into the arena. */
struct stats_data *stats_read(const struct container *c, struct arena *arena);
/* One line, without the newline. */
void stats_print(const struct stats_event *event, struct buf *b);
