/*
 * Limits of a live container are changed all or not at all: each cgroup.write of `update`
 * remembers what its file said, and writes that again when a later step fails. Files of
 * block devices and the like hold a line for each device, of which only the one that was
 * written goes back.
 */
#include <stdio.h>
#include <string.h>

#include "apply/parts.h"
#include "base/fd.h"
#include "cgroup/cgroup.h"

#define FILE_MAX ((size_t)1 << 20)

/* The words that take a device's line away, for files that show no line without one. */
static const struct {
	const char *file, *none;
} line_files[] = {
	{ "io.max", "rbps=max wbps=max riops=max wiops=max" },
	{ "io.weight", "default" },
	{ "io.bfq.weight", "default" },
	{ "blkio.throttle.read_bps_device", "0" },
	{ "blkio.throttle.write_bps_device", "0" },
	{ "blkio.throttle.read_iops_device", "0" },
	{ "blkio.throttle.write_iops_device", "0" },
	{ "blkio.bfq.weight_device", "0" },
	{ "blkio.weight_device", "0" },
	{ "blkio.leaf_weight_device", "0" },
	{ "net_prio.ifpriomap", NULL },
	{ "rdma.max", NULL },
	{ "misc.max", NULL },
	{ "memory.oom_control", NULL },
};
#define N_LINE_FILES (sizeof(line_files) / sizeof(line_files[0]))

/* The line of text that begins with this word, or NULL. */
static const char *find_line(const char *text, const char *word, size_t n)
{
	for (const char *line = text; *line; line += *line == '\n') {
		if (!strncmp(line, word, n) && line[n] == ' ')
			return line;
		line += strcspn(line, "\n");
	}
	return NULL;
}

static const char *line_value(struct arena *arena, const char *value, const char *old,
			      const char *none)
{
	bool keyed = strchr(value, ' ') != NULL;
	size_t n = keyed ? strcspn(value, " ") : strlen("default");
	const char *line = find_line(old, keyed ? value : "default", n);

	if (line)
		return arena_strndup(arena, line, strcspn(line, "\n"));
	return none ? arena_printf(arena, "%.*s %s", (int)n, value, none) : NULL;
}

const char *put_back_value(struct arena *arena, const char *file, const char *value,
			   const char *old)
{
	static const char oom[] = "oom_kill_disable ";

	if (!strncmp(file, "devices.", 8))
		return value;
	if (!strcmp(file, "memory.oom_control"))
		return strncmp(old, oom, sizeof(oom) - 1)
			       ? NULL
			       : arena_strndup(arena, old + sizeof(oom) - 1, 1);
	for (size_t i = 0; i < N_LINE_FILES; i++)
		if (!strcmp(file, line_files[i].file))
			return line_value(arena, value, old, line_files[i].none);
	/* Nothing is written by no byte at all: an empty cpuset goes back as a line. */
	return *old ? arena_strndup(arena, old, strcspn(old, "\n")) : "\n";
}

void put_back_note(struct apply *a, const struct step *s)
{
	const char *file = text_of(a, s->str[0]);
	char *old = "";
	size_t n;

	/* Not to be read: devices.allow, and what is not there. */
	if (fd_read_file(slot_of(a, s->slot[0]), file, a->arena, FILE_MAX, &old, &n) < 0)
		old = "";
	a->before[s - a->plan->host.v] = put_back_value(a->arena, file,
							text_of(a, s->str[1]), old);
}

void put_back(struct apply *a, const struct step *s, struct err *e)
{
	const char *file = text_of(a, s->str[0]);
	const char *before = a->before[s - a->plan->host.v];
	struct err again;
	size_t n = strlen(e->msg);

	/* What was allowed is denied again, and the other way round. */
	if (!strcmp(file, "devices.allow"))
		file = "devices.deny";
	else if (!strcmp(file, "devices.deny"))
		file = "devices.allow";
	if (before && !cgroup_write(slot_of(a, s->slot[0]), file, before, &again))
		return;
	snprintf(e->msg + n, sizeof(e->msg) - n, "; %s could not be put back", file);
}
