/* `skiff check`, what the caller may hand on: resource limits, capabilities; and the
 * system call filter. */
#include <ctype.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "runtime/check.h"

enum { NAMES_SHOWN = 10 };

/* No capability helps above fs.nr_open. */
static void check_nr_open(struct checker *k, size_t i)
{
	const struct rlimit_spec *r = &k->spec->process->rlimits.v[i];
	char text[32];
	uint64_t most;

	if (r->type != RLIMIT_NOFILE ||
	    fd_read_line(AT_FDCWD, "/proc/sys/fs/nr_open", text, sizeof(text)) < 0 ||
	    !parse_u64(text, UINT64_MAX, &most) || r->hard <= most)
		return;
	check_add(k, false, check_path(k, "process.rlimits[%zu].hard", i),
		  "lower it, or raise fs.nr_open",
		  "%llu is above this host's fs.nr_open, %llu",
		  (unsigned long long)r->hard, (unsigned long long)most);
}

void check_limits(struct checker *k)
{
	const struct process *p = k->spec->process;
	/* With the capability in the host's user namespace any limit can be raised. */
	bool can_raise = k->host->caps >> CAP_SYS_RESOURCE & 1 && !k->host->own_userns;

	for (size_t i = 0; p && i < p->rlimits.n; i++) {
		struct {
			uint64_t soft, hard;
		} now;
		uint64_t asked = p->rlimits.v[i].hard;

		if (can_raise) {
			check_nr_open(k, i);
			continue;
		}
		if (syscall(SYS_prlimit64, 0, p->rlimits.v[i].type, NULL, &now) < 0 ||
		    asked <= now.hard)
			continue;
		check_add(k, false, check_path(k, "process.rlimits[%zu].hard", i),
			  "lower it, or raise the limit of the caller",
			  "%llu is above the caller's hard limit %llu, and "
			  "CAP_SYS_RESOURCE is missing",
			  (unsigned long long)asked, (unsigned long long)now.hard);
	}
}

void check_capabilities(struct checker *k)
{
	const struct process *p = k->spec->process;
	const caps *set;

	/* Whoever makes a user namespace has all of them in it. */
	if (!p || !p->capabilities || spec_ns(k->spec, NS_USER))
		return;
	set = &p->capabilities->bounding;
	for (size_t i = 0; i < set->n; i++)
		if (!(k->host->caps >> set->v[i] & 1))
			check_add(k, true,
				  check_path(k, "process.capabilities.bounding[%zu]", i),
				  "run skiff with it",
				  "%s cannot be granted, as the caller does not have it",
				  names_text(cap_names(), set->v[i]));
}

static void check_action(struct checker *k, const char *at, int action)
{
	uint32_t value = sc_action_values[action];

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &value) < 0)
		check_add(k, false, at, NULL, "the kernel does not know the action %s",
			  names_text(sc_action_names, action));
}

static void check_archs(struct checker *k, const struct seccomp *s)
{
	for (size_t i = 0; i < s->architectures.n; i++) {
		const char *word = s->architectures.v[i];
		const char *at = check_path(k, "linux.seccomp.architectures[%zu]", i);
		char *lower = arena_strdup(
			k->arena, !strncmp(word, "SCMP_ARCH_", 10) ? word + 10 : word);

		for (char *c = lower; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (!seccomp_arch_resolve_name(lower) && !check_is_known(k, at))
			check_add(k, false, at, "leave it out",
				  "libseccomp does not know %s", word);
	}
}

/* Profiles name system calls of all times and architectures: one hint for all that are
 * unknown. */
static void check_names(struct checker *k, const struct seccomp *s)
{
	size_t unknown = 0;
	struct buf b;

	buf_init(&b, k->arena, 4096);
	for (size_t i = 0; i < s->syscalls.n; i++)
		for (size_t m = 0; m < s->syscalls.v[i].names.n; m++) {
			const char *name = s->syscalls.v[i].names.v[m];

			if (seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR)
				continue;
			if (unknown++ < NAMES_SHOWN)
				buf_fmt(&b, " %.64s", name);
		}
	if (unknown)
		check_add(k, true, "linux.seccomp.syscalls", NULL,
			  "%zu system calls are not known to libseccomp and "
			  "fall under the default action:%s%s",
			  unknown, b.p, unknown > NAMES_SHOWN ? " ..." : "");
}

void check_filter(struct checker *k)
{
	const struct seccomp *s = k->spec->linux_ ? k->spec->linux_->seccomp : NULL;

	if (!s)
		return;
	check_action(k, "linux.seccomp.defaultAction", s->default_action);
	for (size_t i = 0; i < s->syscalls.n; i++)
		check_action(k, check_path(k, "linux.seccomp.syscalls[%zu].action", i),
			     s->syscalls.v[i].action);
	check_archs(k, s);
	check_names(k, s);
}
