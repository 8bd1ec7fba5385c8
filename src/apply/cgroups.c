/* HOST steps about cgroups, device rules and the system call filter: what to do is in
 * src/cgroup and seccomp.c. */
#include "apply/parts.h"
#include "base/fd.h"
#include "cgroup/cgroup.h"
#include "plan/devices.h"

int host_cgroup_make(struct apply *a, const struct step *s, struct err *e)
{
	const char *mount = text_of(a, s->str[0]), *path = text_of(a, s->str[1]);
	uint64_t maker = s->word[1];
	bool made = false;
	int fd = -1;

	if (maker == CGROUP_ANYBODYS && !cgroup_open(mount, path, 0, &fd, e)) {
		slot_set(a, s->slot[0], fd);
		return 0;
	}
	if (maker == CGROUP_EXISTING) {
		if (cgroup_open(mount, path, (uint32_t)s->word[0], &fd, e) < 0)
			return -1;
	} else if (cgroup_make(mount, path, (uint32_t)s->word[0], s->flags & STEP_V1, &fd,
			       &made, e) < 0) {
		return -1;
	}
	a->made[s - a->plan->host.v] = made;
	slot_set(a, s->slot[0], fd);
	return 0;
}

int host_cgroup_enable(struct apply *a, const struct step *s, struct err *e)
{
	int fd = -1;

	if (cgroup_open(text_of(a, s->str[0]), text_of(a, s->str[1]),
			(uint32_t)s->word[0], &fd, e) < 0)
		return -1;
	slot_set(a, s->slot[0], fd);
	return 0;
}

int host_cgroup_write(struct apply *a, const struct step *s, struct err *e)
{
	bool keep = s->flags & STEP_PUT_BACK;

	if (keep)
		put_back_note(a, s);
	if (cgroup_write(slot_of(a, s->slot[0]), text_of(a, s->str[0]),
			 text_of(a, s->str[1]), e) < 0)
		return -1;
	a->made[s - a->plan->host.v] = keep;
	return 0;
}

int host_cgroup_owner(struct apply *a, const struct step *s, struct err *e)
{
	int fd = slot_of(a, s->slot[0]);

	return fd < 0 ? 0 : cgroup_give(fd, (uid_t)s->word[0], a->arena, e);
}

int host_cgroup_join(struct apply *a, const struct step *s, struct err *e)
{
	int fd = slot_of(a, s->slot[0]);

	/* Empty: the cgroup could not be made, and the plan can do without. */
	return fd < 0 ? 0 : cgroup_join(fd, a->pid, e);
}

int host_devices_load(struct apply *a, const struct step *s, struct err *e)
{
	const struct device_bpf *rules = (const void *)text_of(a, s->str[0]);

	return devices_bpf_load(rules, s->word[0], a->arena, &a->bpf_prog, e);
}

int host_devices_attach(struct apply *a, const struct step *s, struct err *e)
{
	int cgroup = slot_of(a, s->slot[0]), r;

	if (!(s->flags & STEP_PUT_BACK)) {
		r = devices_bpf_attach(a->bpf_prog, cgroup, e);
		fd_close(&a->bpf_prog);
		return r;
	}
	if (devices_bpf_find(cgroup, &a->bpf_before, e) < 0)
		return -1;
	r = a->bpf_before < 0
		    ? devices_bpf_attach(a->bpf_prog, cgroup, e)
		    : devices_bpf_replace(a->bpf_prog, a->bpf_before, cgroup, e);
	a->made[s - a->plan->host.v] = !r;
	return r;
}

int host_seccomp_load(struct apply *a, const struct step *s, struct err *e)
{
	return seccomp_filter(text_of(a, s->str[0]), s->word[0], a->cache_dir, a->arena,
			      &a->filter, &a->n_filter, e);
}
