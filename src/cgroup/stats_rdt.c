/* Reading resctrl: arch/x86/resctrl.rst, "Info directory", "Resource alloc and monitor groups". */
#include "cgroup/stats_rdt.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/stats.h"

enum { DOMAINS_MAX = 256 };

static int open_dir(int at, const char *path)
{
	return openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* The line of schemata that begins with "L3:" and the like, without its indentation. */
static char *schema(const char *text, const char *resource, struct arena *arena)
{
	size_t n = strlen(resource);

	for (const char *line = text; line && *line;) {
		line += strspn(line, " ");
		if (!strncmp(line, resource, n) && line[n] == ':')
			return arena_strndup(arena, line, strcspn(line, "\n"));
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return NULL;
}

static void read_schemata(int dir, char **ret_l3, char **ret_mb, struct arena *arena)
{
	char *text = stat_text(dir, "schemata", arena);

	if (text) {
		*ret_l3 = schema(text, "L3", arena);
		*ret_mb = schema(text, "MB", arena);
	}
}

static void read_info(int root, struct arena *arena, struct stat_rdt *to)
{
	auto_fd l3 = open_dir(root, "info/L3");
	auto_fd mb = open_dir(root, "info/MB");

	if (l3 >= 0) {
		char *mask = stat_text(l3, "cbm_mask", arena);

		to->l3_info = arena_new(arena, struct stat_l3_info);
		to->l3_info->cbm_mask = mask ? arena_strndup(arena, mask,
							     strcspn(mask, "\n"))
					     : NULL;
		stat_number(l3, "min_cbm_bits", &to->l3_info->min_cbm_bits);
		stat_number(l3, "num_closids", &to->l3_info->num_closids);
	}
	if (mb >= 0) {
		to->mb_info = arena_new(arena, struct stat_mb_info);
		stat_number(mb, "bandwidth_gran", &to->mb_info->bandwidth_gran);
		stat_number(mb, "delay_linear", &to->mb_info->delay_linear);
		stat_number(mb, "min_bandwidth", &to->mb_info->min_bandwidth);
		stat_number(mb, "num_closids", &to->mb_info->num_closids);
	}
}

static void read_domain(int data, const char *name, struct stat_rdt *to)
{
	auto_fd dir = open_dir(data, name);
	struct stat_mbm mbm = { 0 };
	struct stat_cmt cmt = { 0 };
	bool total, local;

	if (dir < 0)
		return;
	total = stat_number(dir, "mbm_total_bytes", &mbm.total);
	local = stat_number(dir, "mbm_local_bytes", &mbm.local);
	if (total || local)
		to->mbm.v[to->mbm.n++] = mbm;
	if (stat_number(dir, "llc_occupancy", &cmt.llc_occupancy))
		to->cmt.v[to->cmt.n++] = cmt;
}

static void read_monitor(int group, struct arena *arena, struct stat_rdt *to)
{
	auto_fd data = open_dir(group, "mon_data");
	struct stat_mbm *mbm = arena_array(arena, DOMAINS_MAX, sizeof(*mbm));
	struct stat_cmt *cmt = arena_array(arena, DOMAINS_MAX, sizeof(*cmt));
	char name[24];

	if (data < 0)
		return;
	to->mbm.v = mbm;
	to->cmt.v = cmt;
	/* By number, so that each sample has them in the same order. */
	for (int i = 0; i < DOMAINS_MAX; i++) {
		snprintf(name, sizeof(name), "mon_L3_%02d", i);
		if (!faccessat(data, name, F_OK, 0))
			read_domain(data, name, to);
	}
	if (!to->mbm.n)
		to->mbm.v = NULL;
	if (!to->cmt.n)
		to->cmt.v = NULL;
}

void stat_rdt_read(const char *class, const char *group, struct arena *arena,
		   struct stat_rdt *ret)
{
	auto_fd class_fd = open_dir(AT_FDCWD, class);
	auto_fd group_fd = open_dir(AT_FDCWD, group);
	/* The class "/" is the mount itself. */
	auto_fd root = -1;

	if (class_fd < 0)
		return;
	root = open_dir(class_fd, faccessat(class_fd, "info", F_OK, 0) ? ".." : ".");
	read_schemata(class_fd, &ret->l3, &ret->mb, arena);
	if (root >= 0) {
		read_schemata(root, &ret->l3_root, &ret->mb_root, arena);
		read_info(root, arena, ret);
	}
	if (group_fd >= 0)
		read_monitor(group_fd, arena, ret);
}
