/* What resctrl says about a container's class and its monitoring group. */
#pragma once

#include "base/arena.h"
#include "json/schema.h"

struct stat_l3_info {
	char *cbm_mask;
	uint64_t min_cbm_bits, num_closids;
};
struct stat_mb_info {
	uint64_t bandwidth_gran, delay_linear, min_bandwidth, num_closids;
};
struct stat_mbm {
	uint64_t total, local; /* bytes */
};
struct stat_cmt {
	uint64_t llc_occupancy; /* bytes */
};

struct stat_rdt {
	struct stat_l3_info *l3_info;
	struct stat_mb_info *mb_info;
	char *l3_root, *l3, *mb_root,
		*mb; /* lines of schemata, of the mount's root and of the class */
	LIST(struct stat_mbm) mbm; /* for each cache domain */
	LIST(struct stat_cmt) cmt;
};

/* class: its directory; group: where it is monitored, may be the same. */
void stat_rdt_read(const char *class, const char *group, struct arena *arena,
		   struct stat_rdt *ret);
