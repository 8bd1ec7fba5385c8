/*
 * From what the caller wants (a bundle, an id, options) to a plan. Shared by create, run,
 * plan and check; changes nothing on the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "plan/criu.h"
#include "runtime/runtime.h"

static char *without_slashes(struct arena *arena, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return arena_strndup(arena, path, n);
}

/* The bundle's absolute path: hooks and engines get it in the state. A relative one is
 * told without symbolic links, as the kernel knows it. */
static int find_bundle(struct job *j, int *ret_fd, struct err *e)
{
	const char *given = j->c->bundle ? j->c->bundle : ".";
	char link[40], path[PATH_MAX];
	auto_fd fd = openat(AT_FDCWD, given, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0) {
		int error = errno;

		err_sys(e, error, "bundle %s", given);
		/* The wrong directory was named; whoever cannot open the right one is told so. */
		if (error == ENOENT || error == ENOTDIR)
			e->code = ERR_CONFIG;
		return -1;
	}
	if (*given == '/') {
		j->bundle = without_slashes(&j->s->arena, given);
		*ret_fd = fd_take(&fd);
		return 0;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	if (n < 0 || n == sizeof(path) || *path != '/')
		return err_set(e, ERR_HOST,
			       "bundle %s: its path cannot be read from /proc", given);
	j->bundle = arena_strndup(&j->s->arena, path, (size_t)n);
	*ret_fd = fd_take(&fd);
	return 0;
}

static const char *absolute_path(struct job *j, const char *path)
{
	char cwd[PATH_MAX];

	if (!path || *path == '/' || !getcwd(cwd, sizeof(cwd)))
		return path;
	return arena_printf(&j->s->arena, "%s/%s", cwd, path);
}

int job_open(struct job *j, int *ret_dir, struct err *e)
{
	j->terminal = -1;
	if (j->c->config)
		j->s->config_name = j->c->config;
	return find_bundle(j, ret_dir, e);
}

int job_read(struct job *j, int dir, const struct json_notes *all, struct err *e)
{
	const char *name = j->s->config_name;

	if (!spec_load_file(dir, name, &j->s->arena, all, &j->spec, &j->text,
			    &j->text_len, e))
		return 0;
	if (e->errnum != ENOENT)
		return -1;
	err_set(e, ERR_CONFIG, "open %s%s%s: No such file or directory%s", name,
		*name == '/' ? "" : " in ", *name == '/' ? "" : j->bundle,
		j->c->config
			? ""
			: " (--bundle names another directory, \"skiff spec\" writes "
			  "a config.json)");
	e->errnum = ENOENT;
	return -1;
}

int job_load(struct job *j, struct err *e)
{
	const struct json_notes notes = { .ctx = j->s, .left_out = sk_left_out };
	auto_fd dir = -1;

	if (job_open(j, &dir, e) < 0 || job_read(j, dir, &notes, e) < 0)
		return -1;
	return spec_check(&j->spec, NULL, e);
}

/* Who holds the terminal's master must be clear before anything is made. The phrases are
 * runc's. */
static int check_terminal(struct job *j, struct err *e)
{
	bool terminal = j->spec.process && j->spec.process->terminal;
	bool detach = !j->keep_terminal;

	if (detach && terminal && !j->c->console_socket)
		return err_at(e, ERR_CONFIG, "process.terminal",
			      "cannot allocate tty if skiff will detach without setting "
			      "console socket: set terminal to false, or give "
			      "--console-socket");
	if ((!detach || !terminal) && j->c->console_socket)
		return err_set(e, ERR_CONFIG,
			       "cannot use console socket if skiff will not detach or "
			       "allocate tty");
	return 0;
}

/* A terminal without a size in the configuration gets the caller's. */
static void set_console_size(struct job *j)
{
	struct process *p = j->spec.process;

	if (!p || !p->terminal || p->console_size || !j->c->rows || !j->c->columns)
		return;
	p->console_size = arena_new(&j->s->arena, struct box);
	*p->console_size = (struct box){ .height = j->c->rows, .width = j->c->columns };
}

int job_plan(struct job *j, struct err *e)
{
	const struct skiff_create *c = j->c;

	if (check_terminal(j, e) < 0 ||
	    probe_host(&j->spec, PROBE_CREATE, &j->s->arena, &j->host, e) < 0)
		return -1;
	set_console_size(j);
	probe_links(&j->spec, j->bundle, &j->s->arena, &j->host);
	j->opts = (struct plan_opts){
		.id = c->id,
		.bundle = j->bundle,
		.state_root = j->s->root,
		.start_at_once = j->start_at_once,
		.foreground = j->keep_terminal,
		.console_socket = absolute_path(j, c->console_socket),
		.pidfd_socket = absolute_path(
			j, c->pidfd_socket
				   ? c->pidfd_socket
				   : spec_annotation(&j->spec, "run.oci.pidfd_receiver")),
		.pid_file = absolute_path(j, c->pid_file),
		.no_pivot = c->no_pivot,
		.no_new_keyring = c->no_new_keyring,
		.preserve_fds = c->preserve_fds,
		.cgroup_manager = j->s->cgroup_manager,
		.rootless = j->s->rootless,
		.trace = c->trace,
	};
	if (j->wishes
		    ? plan_build_restore(&j->spec, &j->host, &j->opts, j->wishes,
					 &j->s->arena, &j->plan, e)
		    : plan_build(&j->spec, &j->host, &j->opts, &j->s->arena, &j->plan, e))
		return -1;
	for (size_t i = 0; i < j->plan.warnings.n; i++)
		sk_warn(j->s, "%s", j->plan.warnings.v[i]);
	return 0;
}
