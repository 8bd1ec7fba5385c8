/*
 * Options of the runtime as engines hand them on: protobuf messages of a known type, or (CRI) a table of TOML lines, of which the
 * names that stand for something here are read.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "shim/options.h"
#include "shim/proto/launch.pb-c.h"
#include "shim/wire.h"

#define STATE_DIR "/run/containerd/skiff"

enum { FILE_MAX = 1 << 20 };

static const char *state_root(const char *dir, const char *namespace, struct arena *arena)
{
	return arena_printf(arena, "%s/%s", dir, namespace);
}

void run_options_default(const char *namespace, struct arena *arena,
			 struct run_options *ret)
{
	*ret = (struct run_options){ .shim_cgroup = "",
				     .root = state_root(STATE_DIR, namespace, arena) };
}

/* The namespace is the last part of what was there. */
static void set_root(struct run_options *o, const char *dir, struct arena *arena)
{
	if (*dir)
		o->root = state_root(dir, strrchr(o->root, '/') + 1, arena);
}

static void read_runc(const Pb__RuncOptions *r, struct arena *arena,
		      struct run_options *o)
{
	o->no_pivot |= r->no_pivot_root;
	o->no_new_keyring |= r->no_new_keyring;
	o->systemd_cgroup |= r->systemd_cgroup;
	if (*r->shim_cgroup)
		o->shim_cgroup = r->shim_cgroup;
	if (*r->criu_work_path)
		o->criu_work_path = r->criu_work_path;
	set_root(o, r->root, arena);
}

/* --- TOML: lines of NAME = true, and NAME = "text" --- */

static bool take_line(char *line, const char **ret_name, char **ret_value)
{
	char *eq = strchr(line, '='), *end;

	if (!eq)
		return false;
	line += strspn(line, " \t");
	*eq = '\0';
	line[strcspn(line, " \t")] = '\0';
	*ret_name = line;
	*ret_value = eq + 1 + strspn(eq + 1, " \t");
	if (**ret_value == '"' || **ret_value == '\'') {
		end = strchr(*ret_value + 1, **ret_value);
		*ret_value += 1;
		if (!end)
			return false;
		*end = '\0';
	} else {
		(*ret_value)[strcspn(*ret_value, " \t\r#")] = '\0';
	}
	return true;
}

static void read_toml(char *text, struct arena *arena, struct run_options *o)
{
	const char *name;
	char *value, *rest;

	for (char *line = strtok_r(text, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (!take_line(line, &name, &value))
			continue;
		bool yes = !strcmp(value, "true");

		if (!strcmp(name, "SystemdCgroup"))
			o->systemd_cgroup = yes;
		else if (!strcmp(name, "NoPivotRoot"))
			o->no_pivot = yes;
		else if (!strcmp(name, "NoNewKeyring"))
			o->no_new_keyring = yes;
		else if (!strcmp(name, "ShimCgroup"))
			o->shim_cgroup = value;
		else if (!strcmp(name, "CriuWorkPath"))
			o->criu_work_path = value;
		else if (!strcmp(name, "Root"))
			set_root(o, value, arena);
	}
}

/* The table itself, or the file that the engine's configuration names instead. */
static void read_table(const Pb__RuntimeOptions *r, struct arena *arena,
		       struct run_options *o)
{
	char *text;
	size_t n;

	if (r->config_body.len)
		text = arena_strndup(arena, (const char *)r->config_body.data,
				     r->config_body.len);
	else if (!*r->config_path ||
		 fd_read_file(AT_FDCWD, r->config_path, arena, FILE_MAX, &text, &n) < 0)
		return;
	read_toml(text, arena, o);
}

void run_options_read(const char *type, const void *data, size_t n, struct arena *arena,
		      struct run_options *o)
{
	if (!strcmp(type, "containerd.runc.v1.Options")) {
		const Pb__RuncOptions *r = wire_unpack(&pb__runc_options__descriptor,
						       arena, data, n);

		if (r)
			read_runc(r, arena, o);
	} else if (!strcmp(type, "runtimeoptions.v1.Options")) {
		const Pb__RuntimeOptions *r = wire_unpack(
			&pb__runtime_options__descriptor, arena, data, n);

		if (r)
			read_table(r, arena, o);
	}
}
