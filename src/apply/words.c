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
};

static void from_plan(const struct plan *p, const struct report *r, struct facts *f)
{
	const struct step *s = r->step < p->init.n ? &p->init.v[r->step] : NULL;

	if (!s || s->op != r->op)
		return;
	f->origin = plan_text(p, s->origin);
	f->first = plan_text(p, s->str[0]);
	f->second = plan_text(p, s->str[1]);
}

static void collect(const struct plan *p, const struct report *r, const char *text,
		    struct facts *f)
{
	const char *first = text + strlen(text) + 1, *detail = first + strlen(first) + 1;

	*f = (struct facts){ (enum op)r->op, text, first, "", detail, r->value };
	if (p)
		from_plan(p, r, f);
}

static int program(const struct facts *f, struct err *e)
{
	const char *name = f->first;
	bool search = !strchr(name, '/');

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
	if (f->error == EISDIR)
		return err_set(e, ERR_EXEC, "exec: \"%s\": is a directory", name);
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

static int any(const struct facts *f, struct err *e)
{
	const char *name = op_info(f->op)->name;

	if (*f->first)
		err_sys(e, f->error, "%s \"%s\"", name, f->first);
	else
		err_sys(e, f->error, "%s", name);
	if (*f->detail) {
		size_t n = strlen(e->msg);

		snprintf(e->msg + n, sizeof(e->msg) - n, " (%s)", f->detail);
	}
	return -1;
}

/* Names inside the root that the root's own links lead astray. */
static int place(const struct facts *f, struct err *e)
{
	const char *why =
		f->error == EXDEV || f->error == ELOOP
			? " (a link there leads out of the root, through "
			  "/proc/PID, or in circles)"
		: f->error == EEXIST && f->op == OP_LINK
			? " (what is there is no link to the same place)"
		: f->error == EEXIST && f->op == OP_NODE
			? " (what is there is not that device)"
		: f->error == EEXIST && f->op == OP_TARGET
			? " (a symbolic link without a target is there)"
		: f->error == EINVAL && f->op == OP_UNMOUNT
			? " (nothing is mounted there, or the container may not "
			  "take it away)"
			: "";

	err_sys(e, f->error, "%s \"%s\"", op_info(f->op)->name, f->first);
	snprintf(e->msg + strlen(e->msg), sizeof(e->msg) - strlen(e->msg), "%s", why);
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
	case OP_TARGET:
	case OP_UNMOUNT:
	case OP_LINK:
	case OP_NODE:
		place(&f, e);
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
		return err_set(
			e, ERR_INIT,
			"init was killed by signal %d%s before the program was executed",
			info.si_status,
			info.si_status == SIGKILL  ? " (out of memory, or by somebody)"
			: info.si_status == SIGSYS ? " (by the system call filter)"
						   : "");
	return err_set(e, ERR_INIT, "init ended before the program was executed");
}
