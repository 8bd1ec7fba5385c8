/*
 * A container on disk: <root>/<id>/ (0700) with state.json, written once by the creator
 * before anything else of the container exists; config.json, written when its cgroups are
 * made, so that delete kills nobody in a cgroup that it never got; `init`, a symbolic link to
 * "PID STARTTIME" (one atomic system call, and no reader ever sees half of it); and the
 * socket `start` while the container waits for its start. The creator holds a lock on the
 * directory, so that a container in the making can be told from one whose creator died.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "json/print.h"
#include "runtime/container.h"
#include "runtime/notify.h"

enum { STATE_VERSION = 1, ID_MAX = 255 };
#define STATE_MAX ((size_t)8 << 20)

/* clang-format off */
static const struct field cgroup_fields[] = {
	J_STR(struct cgroup_dir, path, "path", F_REQUIRED | F_ABSOLUTE, "Directory."),
	J_BOOL(struct cgroup_dir, v1, "v1", 0, "Of a version 1 hierarchy."),
	J_END
};
/* clang-format on */
static const struct type cgroup_type = { "cgroup", sizeof(struct cgroup_dir),
					 cgroup_fields };

/* clang-format off */
static const struct field resctrl_fields[] = {
	J_STR(struct resctrl_dir, path, "path", F_REQUIRED | F_ABSOLUTE, "Directory."),
	J_BOOL(struct resctrl_dir, own, "own", 0, "It is the container's own."),
	J_END
};
/* clang-format on */
static const struct type resctrl_type = { "resctrl group", sizeof(struct resctrl_dir),
					  resctrl_fields };

/* clang-format off */
static const struct field state_fields[] = {
	J_U32(struct state, version, "version", F_REQUIRED, "Version of this file."),
	J_STR(struct state, id, "id", F_REQUIRED, "The container's id."),
	J_STR(struct state, bundle, "bundle", F_REQUIRED | F_ABSOLUTE, "Bundle directory."),
	J_STR(struct state, rootfs, "rootfs", F_REQUIRED, "Root file system on the host."),
	J_STR(struct state, created, "created", F_REQUIRED, "Time of creation."),
	J_U32(struct state, owner, "owner", F_REQUIRED, "User id of the creator."),
	J_STR(struct state, config, "config", 0, "The configuration that was given."),
	J_STR(struct state, cgroup_manager, "cgroupManager", 0, "Who manages the cgroup."),
	J_STR(struct state, unit, "unit", 0, "Its systemd unit."),
	J_STR(struct state, unit_dir, "unitDir", 0, "The unit's cgroup."),
	J_OBJS(struct state, cgroups, "cgroups", 0, struct cgroup_dir, &cgroup_type, "Its cgroups."),
	J_OBJS(struct state, resctrl, "resctrl", 0, struct resctrl_dir, &resctrl_type, "Its groups of resctrl."),
	J_U32(struct state, hooks, "hooks", 0, "Kinds of hooks that it has, as bits."),
	J_BOOL(struct state, shared_pids, "sharedPids", 0, "It has no pid namespace of its own."),
	J_PAIRS(struct state, annotations, "annotations", 0, "Of the configuration."),
	J_END
};
/* clang-format on */
static const struct type state_type = { "state", sizeof(struct state), state_fields };

/* runtime.md, "State", and what runc adds. */
struct state_view {
	char *oci_version, *id;
	uint32_t pid;
	char *status, *bundle, *rootfs, *created;
	pairs annotations;
	char *owner, *unit;
};

/* clang-format off */
static const struct field report_fields[] = {
	J_STR(struct state_view, oci_version, "ociVersion", F_REQUIRED, "Version of the specification."),
	J_STR(struct state_view, id, "id", F_REQUIRED, "The container's id."),
	J_U32(struct state_view, pid, "pid", F_REQUIRED | F_SHOW, "Process id of init, 0 when stopped."),
	J_STR(struct state_view, status, "status", F_REQUIRED, "creating, created, running, paused or stopped."),
	J_STR(struct state_view, bundle, "bundle", F_REQUIRED, "Bundle directory."),
	J_STR(struct state_view, rootfs, "rootfs", 0, "Root file system on the host."),
	J_STR(struct state_view, created, "created", 0, "Time of creation."),
	J_PAIRS(struct state_view, annotations, "annotations", 0, "Of the configuration."),
	J_STR(struct state_view, owner, "owner", 0, "Who created it."),
	J_STR(struct state_view, unit, "systemd-scope", 0, "Its systemd unit."),
	J_END
};
/* clang-format on */
static const struct type state_report_type = { "state", sizeof(struct state_view),
					       report_fields };

/* config-linux: Seccomp, "The Container Process State". */
struct process_view {
	char *oci_version;
	strs fds;
	uint32_t pid;
	char *metadata;
	struct state_view state;
};

/* clang-format off */
static const struct field process_fields[] = {
	J_STR(struct process_view, oci_version, "ociVersion", F_REQUIRED, "Version of the specification."),
	J_STRS(struct process_view, fds, "fds", F_REQUIRED, "Names of the descriptors that come with it."),
	J_U32(struct process_view, pid, "pid", F_REQUIRED, "The process that has the filter."),
	J_STR(struct process_view, metadata, "metadata", 0, "listenerMetadata of the configuration."),
	J_VAL(struct process_view, state, "state", F_REQUIRED | F_SHOW, struct state_view, &state_report_type, "The container."),
	J_END
};
/* clang-format on */
static const struct type process_report_type = { "process state",
						 sizeof(struct process_view),
						 process_fields };

static bool is_id_char(char c, bool first)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-' ||
	       (c == '.' && !first);
}

int id_check(const char *id, struct err *e)
{
	size_t n = id ? strlen(id) : 0;

	if (!n)
		return err_set(e, ERR_STATE, "container id cannot be empty");
	if (n > ID_MAX)
		return err_set(e, ERR_STATE,
			       "invalid container ID format: longer than %d bytes",
			       ID_MAX);
	for (size_t i = 0; i < n; i++)
		if (!is_id_char(id[i], !i))
			return err_set(e, ERR_STATE,
				       "invalid container ID format: \"%s\" (letters, "
				       "digits, '_', '+', '-' "
				       "and, not first, '.')",
				       id);
	return 0;
}

/* A state that others can write would make us kill their processes and run their hooks. */
static int check_owner(int dir, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(dir, &st) < 0)
		return err_sys(e, errno, "stat %s", path);
	if (st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	return err_set(e, ERR_STATE,
		       "state directory %s belongs to user %u (mode %o): only one's own, "
		       "closed to "
		       "others, is obeyed",
		       path, st.st_uid, st.st_mode & 0777);
}

int container_open(struct skiff *s, const char *id, struct container *ret, struct err *e)
{
	*ret = (struct container){ .skiff = s, .id = id, .dir = -1, .pidfd = -1 };
	if (id_check(id, e) < 0)
		return -1;
	const char *path = arena_printf(&s->arena, "%s/%s", s->root, id);
	ret->dir = openat(AT_FDCWD, path,
			  O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (ret->dir >= 0)
		return check_owner(ret->dir, path, e);
	if (errno == ENOENT || errno == ENOTDIR) {
		err_set(e, ERR_UNKNOWN, "container \"%s\" does not exist", id);
		e->errnum = ENOENT;
		return -1;
	}
	return err_sys(e, errno, "open %s", path);
}

void container_close(struct container *c)
{
	fd_close(&c->dir);
	fd_close(&c->pidfd);
}

/* Says which file is broken and what can be done about it. */
static int corrupt(const struct container *c, const char *why, struct err *e)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", why);
	return err_set(
		e, ERR_STATE,
		"container \"%s\": corrupt state file %s/%s/state.json (%s); "
		"\"skiff delete --force %s\" removes what is left of the container",
		c->id, c->skiff->root, c->id, text, c->id);
}

int container_load(struct container *c, struct err *e)
{
	struct arena *arena = &c->skiff->arena;
	char *text;
	size_t n;
	int r;

	if (c->has_state)
		return 0;
	r = fd_read_file(c->dir, "state.json", arena, STATE_MAX, &text, &n);
	if (r == -ENOENT || (!r && !n))
		return 0;
	if (r < 0)
		return corrupt(c, strerror(-r), e);
	if (json_load(&state_type, text, n, "state.json", arena, NULL, &c->state, e) <
	    0) {
		char why[sizeof(e->msg)];

		snprintf(why, sizeof(why), "%s%s%.200s", e->origin,
			 *e->origin ? ": " : "", e->msg);
		return corrupt(c, why, e);
	}
	if (c->state.version != STATE_VERSION)
		return corrupt(c, "written by another version of skiff", e);
	if (strcmp(c->state.id, c->id))
		return corrupt(c, "it is about another container", e);
	c->has_state = true;
	return 0;
}

int container_load_spec(struct container *c, struct err *e)
{
	struct spec *spec;

	if (c->spec)
		return 0;
	spec = arena_new(&c->skiff->arena, struct spec);
	if (spec_load_file(c->dir, "config.json", &c->skiff->arena, NULL, spec, NULL,
			   NULL, e) < 0)
		return err_wrap(e, "container \"%s\": its copy of the configuration",
				c->id);
	c->spec = spec;
	return 0;
}

void state_now(char *ret, size_t size)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	snprintf(ret, size, "%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ", tm.tm_year + 1900,
		 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 now.tv_nsec);
}

/* One write(2): a creator that is killed leaves the whole file or an empty one. */
static int write_new(int dir, const char *name, const void *data, size_t n, struct err *e)
{
	auto_fd fd = openat(dir, name,
			    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r = fd < 0 ? -errno : fd_write_all(fd, data, n);

	return r < 0 ? err_sys(e, -r, "state directory: write %s", name) : 0;
}

int state_write(int dir, const struct state *st, struct arena *arena, struct err *e)
{
	struct state whole = *st;
	struct buf b;

	whole.version = STATE_VERSION;
	buf_init(&b, arena, STATE_MAX);
	json_print(&b, &state_type, &whole, JSON_COMPACT);
	if (b.full)
		return err_set(e, ERR_CONFIG, "annotations are too long");
	if (flock(dir, LOCK_EX | LOCK_NB) < 0)
		return err_sys(e, errno, "lock the state directory");
	return write_new(dir, "state.json", b.p, b.len, e);
}

int state_write_config(int dir, const char *config, size_t n, struct err *e)
{
	return write_new(dir, "config.json", config, n, e);
}

/* The name of a user, from the host's /etc/passwd only: no NSS, so that a static program
 * needs nothing else. */
char *owner_name(uint32_t uid, struct arena *arena)
{
	char *text, *number;
	size_t n;

	if (!uid)
		return "root";
	number = arena_printf(arena, "%u", uid);
	if (fd_read_file(AT_FDCWD, "/etc/passwd", arena, (size_t)1 << 20, &text, &n) < 0)
		return number;
	for (char *line = strtok_r(text, "\n", &text); line;
	     line = strtok_r(NULL, "\n", &text)) {
		char *password = strchr(line, ':');
		char *id = password ? strchr(password + 1, ':') : NULL;

		if (id && !strncmp(id + 1, number, strlen(number)) &&
		    id[1 + strlen(number)] == ':') {
			*password = '\0';
			return line;
		}
	}
	return number;
}

static struct state_view view(const struct container *c, const char *status, pid_t pid)
{
	struct arena *arena = &c->skiff->arena;
	const struct state *st = &c->state;

	return (struct state_view){
		.oci_version = SPEC_VERSION,
		.id = (char *)c->id,
		.pid = (uint32_t)pid,
		.status = (char *)status,
		.bundle = st->bundle,
		.rootfs = st->rootfs,
		.created = st->created,
		.annotations = st->annotations,
		.owner = owner_name(st->owner, arena),
		.unit = st->unit,
	};
}

void state_report(const struct container *c, const char *status, pid_t pid,
		  enum json_style style, struct buf *b)
{
	struct state_view r = view(c, status, pid);

	json_print(b, &state_report_type, &r, style);
}

void state_report_process(const struct container *c, const char *status, pid_t pid,
			  const char *metadata, struct buf *b)
{
	char *names[] = { "seccompFd" };
	struct process_view r = {
		.oci_version = SPEC_VERSION,
		.fds = { .v = names, .n = 1 },
		.pid = (uint32_t)pid,
		.metadata = (char *)metadata,
		.state = view(c, status, c->pid),
	};

	json_print(b, &process_report_type, &r, JSON_COMPACT);
}
