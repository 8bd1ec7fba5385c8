/*
 * The directory of an image. What is in it becomes processes with whatever rights the image says, and criu follows links in
 * it: only a directory of ours that nobody else can write to is used, and only with plain files of ours.
 */
#include "runtime/images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "json/load.h"

enum { STREAMS_MAX = 1 << 16 };

/* --- the directories --- */

static bool is_ours(const struct stat *st)
{
	return (!st->st_uid || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

static int foreign(const char *path, const char *name, const struct stat *st,
		   struct err *e)
{
	return err_set(e, ERR_STATE,
		       "%s%s%s belongs to user %u (mode %o): an image becomes processes "
		       "with any "
		       "rights, so it must be one's own and closed to others (chown, "
		       "chmod go-w)",
		       path, *name ? "/" : "", name, st->st_uid, st->st_mode & 07777);
}

static int open_dir(const char *path, bool make, struct err *e)
{
	auto_fd fd = -1;
	struct stat st;

	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return err_sys(e, errno, "make the directory %s", path);
	fd = openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, errno, "image directory %s", path);
	if (!is_ours(&st))
		return foreign(path, "", &st, e);
	return fd_take(&fd);
}

/* The link "parent" is criu's own, to an image before; so is the socket of "criu lazy-pages". */
static int check_entry(int dir, const char *path, const char *name, struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "%s/%s", path, name);
	if (!strcmp(name, "parent") && S_ISLNK(st.st_mode))
		return st.st_uid && st.st_uid != geteuid() ? foreign(path, name, &st, e)
							   : 0;
	if (S_ISDIR(st.st_mode))
		return 0;
	if (!S_ISREG(st.st_mode) &&
	    (!S_ISSOCK(st.st_mode) || strcmp(name, "lazy-pages.socket") != 0))
		return err_set(
			e, ERR_STATE,
			"%s/%s is no regular file: that is not criu's, and criu would "
			"follow it",
			path, name);
	return is_ours(&st) ? 0 : foreign(path, name, &st, e);
}

static int check_entries(int dir, const char *path, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!d) {
		err_sys(e, errno, "read %s", path);
		fd_close(&fd);
		return -1;
	}
	while (!r && (entry = readdir(d)))
		r = check_entry(dir, path, entry->d_name, e);
	closedir(d);
	return r;
}

static const char *absolute(struct skiff *s, const char *path)
{
	char cwd[PATH_MAX];

	if (*path == '/' || !getcwd(cwd, sizeof(cwd)))
		return path;
	return arena_printf(&s->arena, "%s/%s", cwd, path);
}

int images_open(struct skiff *s, const struct skiff_criu *o, bool make,
		struct criu_job *ret, struct err *e)
{
	const char *images = absolute(s, o->image_path && *o->image_path ? o->image_path
									 : "checkpoint");
	const char *work = o->work_path && *o->work_path ? absolute(s, o->work_path)
							 : images;

	ret->work_path = work;
	ret->status = o->status_fd;
	ret->images = open_dir(images, make, e);
	if (ret->images < 0 || check_entries(ret->images, images, e) < 0)
		return -1;
	if (!make && faccessat(ret->images, "inventory.img", F_OK, 0))
		return err_set(e, ERR_STATE,
			       "%s holds no checkpoint, inventory.img is missing: "
			       "--image-path is to name the directory that \"skiff "
			       "checkpoint\" wrote",
			       images);
	ret->work = open_dir(work, true, e);
	return ret->work < 0 ? -1 : 0;
}

void images_close(struct criu_job *j)
{
	fd_close(&j->images);
	fd_close(&j->work);
	fd_close(&j->root);
}

/* --- options --- */

struct list_of_options {
	struct arena *arena;
	struct pair *v;
	size_t n;
};

static void add(struct list_of_options *l, const char *name, const char *value)
{
	l->v[l->n++] = (struct pair){ (char *)name, (char *)value };
}

static int number_of(const struct name *table, const char *word, const char *option,
		     int *ret, struct err *e)
{
	const struct name *found = names_find(table, word, strlen(word));

	if (!found)
		return err_set(e, ERR_USAGE, "--%s: unknown word \"%s\"", option, word);
	*ret = (int)found->value;
	return 0;
}

static int add_words(struct list_of_options *l, const struct skiff_criu *o, struct err *e)
{
	/* The numbers are of criu's protocol. */
	static const struct name modes[] = { { "ignore", 0 },
					     { "soft", 3 },
					     { "full", 4 },
					     { "strict", 5 },
					     { NULL, 0 } };
	static const struct name locks[] = {
		{ "iptables", 1 }, { "nftables", 2 }, { "skip", 3 }, { NULL, 0 }
	};
	const char *mode = o->cgroups_mode ? o->cgroups_mode : "soft";
	int n = 0;

	if (number_of(modes, mode, "manage-cgroups-mode", &n, e) < 0)
		return -1;
	if (n)
		add(l, "manage-cgroups", "1");
	add(l, "cgroups-mode", arena_printf(l->arena, "%d", n));
	if (!o->network_lock)
		return 0;
	if (number_of(locks, o->network_lock, "network-lock", &n, e) < 0)
		return -1;
	add(l, "network-lock", arena_printf(l->arena, "%d", n));
	return 0;
}

/* The file has further options for criu, and is the administrator's: runc's is taken when there is no other. */
static int add_config(struct list_of_options *l, const struct spec *spec, struct err *e)
{
	static const char *const usual[] = { "/etc/criu/skiff.conf",
					     "/etc/criu/runc.conf" };
	const char *file = spec_annotation(spec, "org.criu.config");

	for (size_t i = 0; !file && i < sizeof(usual) / sizeof(usual[0]); i++)
		file = access(usual[i], F_OK) ? NULL : usual[i];
	if (!file || !*file)
		return 0;
	/* criu does without a file that is not there. */
	if (access(file, R_OK) < 0)
		return err_sys(e, errno, "annotation org.criu.config: %s", file);
	add(l, "config", file);
	return 0;
}

static void add_flags(struct list_of_options *l, const struct skiff_criu *o)
{
	const struct {
		bool set;
		const char *name;
	} flags[] = {
		{ o->tcp_established, "tcp-established" },
		{ o->tcp_close, "tcp-close" },
		{ o->tcp_skip_in_flight, "tcp-skip-in-flight" },
		{ o->ext_unix_sk, "ext-unix-sk" },
		{ o->shell_job, "shell-job" },
		{ o->file_locks, "file-locks" },
		{ o->lazy_pages, "lazy-pages" },
		{ o->auto_dedup, "auto-dedup" },
		{ o->link_remap, "link-remap" },
		{ o->leave_running && !o->pre_dump, "leave-running" },
		{ o->pre_dump || o->parent_path, "track-mem" },
		{ true, "orphan-pts-master" },
		{ true, "notify" },
		{ true, "ext-sharing" },
		{ true, "ext-masters" },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (flags[i].set)
			add(l, flags[i].name, "1");
}

static int add_page_server(struct list_of_options *l, const char *text, struct err *e)
{
	const char *colon = strrchr(text, ':');
	uint64_t port;

	if (!colon || colon == text || !parse_u64(colon + 1, 65535, &port) || !port)
		return err_set(e, ERR_USAGE, "--page-server: \"%s\" is not ADDRESS:PORT",
			       text);
	add(l, "page-server", arena_strndup(l->arena, text, (size_t)(colon - text)));
	/* A word of its own. */
	add(l, arena_strdup(l->arena, colon + 1), NULL);
	return 0;
}

/* A line of /proc/self/cgroup each. */
static size_t count_hierarchies(void)
{
	char text[16384];
	ssize_t n = fd_read_line(AT_FDCWD, "/proc/self/cgroup", text, sizeof(text));
	size_t lines = n > 0;

	for (const char *c = text; n > 0 && *c; c++)
		lines += *c == '\n';
	return lines;
}

int images_options(struct skiff *s, const struct skiff_criu *o, const struct spec *spec,
		   struct plan_criu *ret, struct err *e)
{
	struct list_of_options l = { .arena = &s->arena };

	if (criu_find(&s->arena, &ret->program, e) < 0)
		return -1;
	l.v = arena_array(&s->arena, 32, sizeof(*l.v));
	add_flags(&l, o);
	if (add_words(&l, o, e) < 0 ||
	    (o->page_server && add_page_server(&l, o->page_server, e) < 0) ||
	    add_config(&l, spec, e) < 0)
		return -1;
	if (o->empty_network)
		add(&l, "empty-ns", arena_printf(l.arena, "%d", CLONE_NEWNET));
	if (o->parent_path)
		add(&l, "parent", o->parent_path);
	if (o->lsm_profile)
		add(&l, "lsm-profile", o->lsm_profile);
	if (o->lsm_mount_context)
		add(&l, "lsm-mount-context", o->lsm_mount_context);
	ret->options = l.v;
	ret->n_options = l.n;
	ret->n_hierarchies = count_hierarchies();
	ret->pre_dump = o->pre_dump;
	return 0;
}

/* --- streams --- */

struct streams {
	strs list;
};
/* clang-format off */
static const struct field streams_fields[] = {
	J_STRS(struct streams, list, "list", 0, "Names of init's descriptors."),
	J_END
};
/* clang-format on */
static const struct type streams_type = { "descriptors", sizeof(struct streams),
					  streams_fields };

/* Only names that a stream can have: criu would take a path as the name of a file. */
static bool is_stream(const char *key)
{
	static const char *const kinds[] = { "pipe:[", "socket:[", "file[", "tty[" };
	size_t n = strlen(key);

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		size_t at = strlen(kinds[i]);

		if (!strncmp(key, kinds[i], at) && n < 80 && n > at + 1 &&
		    at + strspn(key + at, "0123456789abcdef:") == n - 1 &&
		    key[n - 1] == ']')
			return true;
	}
	return false;
}

static void add_stream(struct criu_job *j, const char **keys, int *fds, const char *key,
		       int fd)
{
	if (!is_stream(key) || fcntl(fd, F_GETFD) < 0)
		return;
	/* stdout and stderr are often one. */
	for (size_t i = 0; i < j->n_keys; i++)
		if (!strcmp(keys[i], key))
			return;
	keys[j->n_keys] = key;
	fds[j->n_keys++] = fd;
}

int images_streams(struct skiff *s, const struct skiff_create *c, struct criu_job *j,
		   struct err *e)
{
	uint32_t preserved = c->preserve_fds;
	size_t n, most = preserved < CRIU_STREAMS_MAX ? 3 + preserved : CRIU_STREAMS_MAX;
	struct streams streams;
	const char **keys;
	char *text;
	int *fds, r;

	r = fd_read_file(j->images, CRIU_STREAMS, &s->arena, STREAMS_MAX, &text, &n);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, -r, "read " CRIU_STREAMS " of the image");
	text = arena_printf(&s->arena, "{\"list\":%s}", text);
	if (json_load(&streams_type, text, strlen(text), CRIU_STREAMS, &s->arena, NULL,
		      &streams, e) < 0) {
		/* Not the configuration's fault. */
		e->code = ERR_STATE;
		return err_wrap(e, CRIU_STREAMS " of the image");
	}
	keys = arena_array(&s->arena, most, sizeof(*keys));
	fds = arena_array(&s->arena, most, sizeof(*fds));
	for (size_t i = 0; i < most && i < streams.list.n; i++)
		add_stream(j, keys, fds, streams.list.v[i],
			   c->stdio && i < 3 ? c->stdio[i] : (int)i);
	j->keys = keys;
	j->fds = fds;
	return 0;
}
