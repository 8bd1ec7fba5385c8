/*
 * The device rules of a container with cgroup v2 after an update: devices.json of the state directory. The kernel has
 * but a program. What is about to be in force is written ahead, beside what is, with the number of its program: whatever
 * ends an update, the kernel says which of the two holds.
 */
#include "runtime/device_record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "json/load.h"
#include "json/print.h"

#define RECORD "devices.json"
#define AHEAD  "devices.json.new"

struct device_record {
	uint32_t program;
	LIST(struct device_rule) devices;
};

/* clang-format off */
static const struct field record_fields[] = {
	J_U32(struct device_record, program, "program", 0, "Number of the program that the rules became."),
	J_OBJS(struct device_record, devices, "devices", 0, struct device_rule, &device_rule_type, "All rules."),
	J_END
};
/* clang-format on */
static const struct type record_type = { "record", sizeof(struct device_record),
					 record_fields };

static int read_record(struct container *c, const char *name, struct device_record *ret,
		       struct err *e)
{
	if (json_load_file(&record_type, c->dir, name, &c->skiff->arena, NULL, ret, NULL,
			   NULL, e) < 0)
		return err_wrap(e, "container \"%s\": its record of device rules %s",
				c->id, name);
	return 0;
}

static bool is_there(const struct container *c, const char *name)
{
	return !faccessat(c->dir, name, F_OK, AT_SYMLINK_NOFOLLOW);
}

/* The number of the program that is attached, or 0. */
static int program_in_force(const struct container *c, uint32_t *ret, struct err *e)
{
	*ret = 0;
	for (size_t i = 0; i < c->state.cgroups.n; i++) {
		const struct cgroup_dir *dir = &c->state.cgroups.v[i];

		if (dir->v1)
			continue;
		auto_fd cgroup = openat(AT_FDCWD, dir->path,
					O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		auto_fd program = -1;

		if (cgroup < 0)
			return err_sys(e, errno, "open cgroup %s", dir->path);
		if (devices_bpf_find(cgroup, &program, e) < 0)
			return -1;
		return program < 0 ? 0 : devices_bpf_number(program, ret, e);
	}
	return 0;
}

int device_record_settle(struct container *c, struct err *e)
{
	struct device_record ahead;
	uint32_t in_force;

	if (!is_there(c, AHEAD))
		return 0;
	if (read_record(c, AHEAD, &ahead, e) < 0 || program_in_force(c, &in_force, e) < 0)
		return -1;
	if (ahead.program && ahead.program == in_force)
		return device_record_keep(c, e);
	return unlinkat(c->dir, AHEAD, 0) < 0
		       ? err_sys(e, errno, "state directory: remove " AHEAD)
		       : 0;
}

int device_record_load(struct container *c, struct resources *ret, struct err *e)
{
	struct device_record record;
	const struct spec *spec;

	if (device_record_settle(c, e) < 0)
		return -1;
	if (is_there(c, RECORD)) {
		if (read_record(c, RECORD, &record, e) < 0)
			return -1;
		ret->devices.v = record.devices.v;
		ret->devices.n = record.devices.n;
		return 0;
	}
	if (container_load_spec(c, e) < 0)
		return -1;
	spec = c->spec;
	if (spec->linux_ && spec->linux_->resources)
		*ret = *spec->linux_->resources;
	return 0;
}

int device_record_ahead(struct container *c, const struct resources *rules, int program,
			struct err *e)
{
	struct device_record record = { .program = 0 };
	struct buf b;
	int r;

	record.devices.v = rules->devices.v;
	record.devices.n = rules->devices.n;
	if (devices_bpf_number(program, &record.program, e) < 0)
		return -1;
	buf_init(&b, &c->skiff->arena, JSON_MAX_SIZE);
	json_print(&b, &record_type, &record, JSON_COMPACT);
	r = b.full ? -EFBIG : fd_replace_file(c->dir, AHEAD, b.p, b.len, 0600);
	return r < 0 ? err_sys(e, -r, "state directory: write " AHEAD) : 0;
}

int device_record_keep(struct container *c, struct err *e)
{
	if (renameat(c->dir, AHEAD, c->dir, RECORD) < 0)
		return err_sys(e, errno, "state directory: write " RECORD);
	return 0;
}
