/*
 * What a failure inside the container is called. Engines match some of these phrases to
 * choose an exit status (126, 127) and to tell users what is wrong: they are those of the
 * other runtimes, everything else is ours.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "apply/parts.h"

/* The strings of a failed step, from the plan or from the packet. */
struct facts {
	enum op op;
	const char *origin, *first, *second, *detail;
	int error;
	bool live; /* in a running container, by `mounts add` */
};

static bool is_live(const struct plan *p)
{
	for (size_t i = 0; i < p->init.n; i++)
		if (p->init.v[i].op == OP_ROOT_ENTER)
			return true;
	return false;
}

static void from_plan(const struct plan *p, const struct report *r, struct facts *f)
{
	const struct step *s = r->step < p->init.n ? &p->init.v[r->step] : NULL;

	if (!s || s->op != r->op)
		return;
	f->origin = plan_text(p, s->origin);
	f->first = plan_text(p, s->str[0]);
	f->second = plan_text(p, s->str[1]);
	f->live = is_live(p);
}

static void collect(const struct plan *p, const struct report *r, const char *text,
		    struct facts *f)
{
	const char *first = text + strlen(text) + 1, *detail = first + strlen(first) + 1;

	*f = (struct facts){ (enum op)r->op, text, first, "", detail, r->value, false };
	if (p)
		from_plan(p, r, f);
}

static int program(const struct facts *f, struct err *e)
{
	const char *name = f->first;
	bool search = !strchr(name, '/');

	if (!*name)
		return err_set(e, ERR_CONFIG,
			       "there is nothing to start: the configuration names no "
			       "program");
	/* It was found before: what is missing is what it names in its first line, or its loader. */
	if (f->error == ENOENT && f->op == OP_EXEC)
		return err_set(
			e, ERR_EXEC,
			"exec: \"%s\": no such file or directory (its interpreter or "
			"loader is missing in the container)",
			name);
	if (f->error == ENOENT && search)
		return err_set(e, ERR_EXEC,
			       "exec: \"%s\": executable file not found in $PATH", name);
	if (f->error == ENOENT && *f->detail)
		return err_set(e, ERR_EXEC,
			       "exec: \"%s\": no such file or directory (%s)", name,
			       f->detail);
	if (f->error == ENOENT)
		return err_set(e, ERR_EXEC,
			       "exec: \"%s\": stat %s: no such file or directory", name,
			       name);
	if (f->error == EACCES || f->error == EPERM)
		return err_set(e, ERR_EXEC, "exec: \"%s\": permission denied", name);
	/* Both are true, and Podman's status 126 for exec depends on the second. */
	if (f->error == EISDIR)
		return err_set(e, ERR_EXEC,
			       "exec: \"%s\": is a directory: permission denied", name);
	if (f->error == ENOEXEC)
		return err_set(e, ERR_EXEC,
			       "exec: \"%s\": exec format error (neither a program of "
			       "this machine "
			       "nor a script with \"#!\")",
			       name);
	err_sys(e, f->error, "exec: \"%s\"", name);
	e->code = ERR_EXEC;
	return -1;
}

static int cwd(const struct facts *f, struct err *e)
{
	if (f->error == EXDEV)
		return err_set(
			e, ERR_INIT,
			"working directory \"%s\" is outside of the container's root",
			f->first);
	return err_sys(e, f->error, "chdir to cwd (\"%s\") set in config.json failed",
		       f->first);
}

static int label(const struct facts *f, struct err *e)
{
	/* podman looks for the file between backquotes. */
	return err_sys(e, f->error, "write security label \"%s\" to `/proc/%s`", f->first,
		       f->second);
}

/* The user's word for what a step is about, where the step's own name is ours alone. */
static const char *subject(const struct facts *f)
{
	switch (f->op) {
	case OP_TREE:
		return strcmp(f->origin, "root.path") ? "mount source"
						      : "root file system";
	case OP_ROOT_ATTACH:
		return "root file system";
	case OP_TARGET:
	case OP_ROOT_ENTER:
		return "mount point";
	case OP_FS:
		return "file system";
	default:
		return op_info(f->op)->name;
	}
}

/* Names inside the root that the root's own links lead astray. */
static const char *reason_of_place(const struct facts *f)
{
	bool kernel = !strncmp(f->first, "/proc/", 6) || !strncmp(f->first, "/sys/", 5);

	if (f->error == EXDEV || f->error == ELOOP)
		return f->live ? "in a running container no link is followed to or in "
				 "another mount: name the place itself"
			       : "a link there leads out of the root, through /proc/PID, "
				 "or in circles";
	if (f->error == EEXIST)
		return f->op == OP_LINK   ? "what is there is no link to the same place"
		       : f->op == OP_NODE ? "what is there is not that device"
					  : "a symbolic link without a target is there";
	if (f->op == OP_TARGET && kernel)
		return "nothing can be made in the kernel's file systems";
	if (f->op == OP_TARGET && f->error == EROFS)
		return "it is missing on a read-only file system: make it in the image";
	return "";
}

static const char *reason_of_scheduler(int error)
{
	if (error == EBUSY)
		return "no deadline bandwidth is left: lower runtime";
	if (error == EPERM)
		return "a realtime policy needs CAP_SYS_NICE, in cgroup v1 a "
		       "cpu.rt_runtime_us, "
		       "and SCHED_DEADLINE all CPUs of its cpuset";
	return error == EINVAL ? "this kernel does not take these values together" : "";
}

/* mount_too_revealing() of the kernel, and whose namespace it is. */
static const char *reason_of_view(const struct facts *f)
{
	static const char *const views[] = { "/proc", "/sys", "proc", "sysfs" };

	for (size_t i = 0; f->error == EPERM && i < sizeof(views) / sizeof(views[0]); i++)
		if (!strcmp(f->first, views[i]))
			return "the kernel makes no new one where parts of the caller's "
			       "own are covered by other mounts: bind that, or call "
			       "skiff where it is whole";
	return f->error == ENODEV ? "this kernel has no such file system" : "";
}

/* What an errno means here, or what helps, where that is known. */
static const char *reason(const struct facts *f)
{
	if (*f->detail)
		return f->detail;
	switch (f->op) {
	case OP_LINK:
	case OP_NODE:
	case OP_TARGET:
		return reason_of_place(f);
	case OP_ROOT_ENTER:
		return f->error == ESTALE
			       ? "the container's mount is no longer where it was: its "
				 "directories were moved, or it was taken away"
			       : reason_of_place(f);
	case OP_UNMOUNT:
		if (f->error == ESTALE)
			return "the container has led the path to another mount";
		return f->error == EINVAL ? "nothing is mounted there, or the container "
					    "may not take "
					    "it away"
					  : reason_of_place(f);
	case OP_TREE:
		return f->error == ENOENT && !strcmp(f->origin, "root.path")
			       ? "unpack an image there"
			       : "";
	case OP_FS:
	case OP_ATTACH:
		return reason_of_view(f);
	case OP_SCHEDULER:
		return reason_of_scheduler(f->error);
	case OP_SYSCTL:
		return f->error == ENOENT ? "this kernel has no such parameter" : "";
	case OP_TIME_OFFSETS:
		return f->error == ERANGE
			       ? "the clock would read less than 0, or more than "
				 "146 years"
			       : "";
	case OP_RLIMIT:
		return f->error == EPERM ? "above the hard limit of skiff's caller, "
					   "which ulimit -H tells"
					 : "";
	default:
		return "";
	}
}

static int any(const struct facts *f, struct err *e)
{
	const char *name = subject(f), *why = reason(f);
	size_t n = strlen(f->first);

	/* Sources of trees end with a slash, so that they must be directories. */
	if (n > 1 && f->first[n - 1] == '/')
		n--;
	if (n)
		err_sys(e, f->error, "%s \"%.*s\"", name, (int)n, f->first);
	else
		err_sys(e, f->error, "%s", name);
	if (*why) {
		n = strlen(e->msg);
		snprintf(e->msg + n, sizeof(e->msg) - n, " (%s)", why);
	}
	return -1;
}

/* Some steps' first string is not for reading. */
static bool has_bytes(enum op op)
{
	return op == OP_SCHEDULER || op == OP_AFFINITY || op == OP_MEMPOLICY ||
	       op == OP_GROUPS;
}

int talk_failure(const struct plan *p, const struct report *r, const char *text,
		 struct err *e)
{
	struct facts f;

	collect(p, r, text, &f);
	if (has_bytes(f.op))
		f.first = "";
	switch (f.op) {
	case OP_FIND:
	case OP_EXEC:
		program(&f, e);
		break;
	case OP_CWD:
		cwd(&f, e);
		break;
	case OP_LABEL:
		label(&f, e);
		break;
	default:
		any(&f, e);
		break;
	}
	if (e->code == ERR_SYSTEM)
		e->code = ERR_INIT;
	e->errnum = f.error;
	snprintf(e->step, sizeof(e->step), "%s", op_info(f.op)->name);
	if (*f.origin)
		err_origin(e, f.origin);
	return -1;
}

/* The memory limit of the plan, or NULL. */
static const char *memory_limit(const struct plan *p)
{
	for (size_t i = 0; i < p->host.n; i++) {
		const struct step *s = &p->host.v[i];
		const char *file = plan_text(p, s->str[0]);

		if (s->op == OP_CGROUP_WRITE && (!strcmp(file, "memory.max") ||
						 !strcmp(file, "memory.limit_in_bytes")))
			return plan_text(p, s->str[1]);
	}
	return NULL;
}

static int killed(const struct plan *p, int signal, struct err *e)
{
	const char *limit = signal == SIGKILL ? memory_limit(p) : NULL;

	if (limit)
		return err_at(e, ERR_INIT, "linux.resources.memory.limit",
			      "init was killed by signal 9 before the program was "
			      "executed: most likely %s bytes of memory are too few",
			      limit);
	return err_set(e, ERR_INIT,
		       "init was killed by signal %d%s before the program was executed",
		       signal,
		       signal == SIGKILL  ? " (out of memory, or by somebody)"
		       : signal == SIGSYS ? " (by the system call filter)"
					  : "");
}

int words_died(struct apply *a, struct err *e)
{
	siginfo_t info;

	if (reap_init(a, &info))
		return err_set(e, ERR_STOPPED,
			       "the pid namespace ended as init entered it: container "
			       "not running");
	if (info.si_code == CLD_EXITED)
		return err_set(
			e, ERR_INIT,
			"init ended with status %d before the program was executed",
			info.si_status);
	if (info.si_code == CLD_KILLED || info.si_code == CLD_DUMPED)
		return killed(a->plan, info.si_status, e);
	return err_set(e, ERR_INIT, "init ended before the program was executed");
}
