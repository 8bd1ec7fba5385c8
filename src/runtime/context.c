/*
 * The context of the public API: where state lives, what the caller chose, how errors and
 * warnings leave the library. Reads the environment (XDG_RUNTIME_DIR, USER) once, as the
 * command line tools of engines expect; never changes it.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/names.h"
#include "runtime/container.h"

#ifndef SKIFF_COMMIT
#define SKIFF_COMMIT "unknown"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

_Static_assert(SKIFF_STOPPED == (int)ERR_STOPPED && ERR_COUNT == SKIFF_STOPPED + 1,
	       "codes are one list");

const char *skiff_code_name(int code)
{
	return code >= 0 && code < ERR_COUNT ? err_code_name((enum err_code)code) : "";
}

const char *skiff_errno_name(int errnum)
{
	return err_errno_name(errnum);
}

const char *skiff_version(void)
{
	return PACKAGE_VERSION;
}

const char *skiff_commit(void)
{
	return SKIFF_COMMIT;
}

const char *skiff_spec_version(void)
{
	return SPEC_VERSION;
}

bool in_user_namespace(void)
{
	/* The inode of the initial user namespace is a constant of the kernel
	 * (PROC_USER_INIT_INO). */
	struct stat st;

	return !stat("/proc/self/ns/user", &st) && st.st_ino != 0xEFFFFFFDu;
}

/* Engines without root run us as uid 0 of their user namespace, so the uid alone does not
 * tell. */
static bool is_rootless(enum rootless wish, const char *runtime_dir)
{
	const char *user = getenv("USER");

	if (wish != ROOTLESS_AUTO)
		return wish == ROOTLESS_YES;
	if (geteuid())
		return true;
	return runtime_dir && (!user || strcmp(user, "root")) && in_user_namespace();
}

static const char *default_root(enum rootless wish, struct arena *arena)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	if (dir && !*dir)
		dir = NULL;
	if (!is_rootless(wish, dir))
		return "/run/skiff";
	if (dir)
		return arena_printf(arena, "%s/skiff", dir);
	return arena_printf(arena, "/run/user/%u/skiff", (unsigned)geteuid());
}

static const char *absolute(struct arena *arena, const char *path)
{
	char cwd[4096];

	if (*path == '/')
		return path;
	return getcwd(cwd, sizeof(cwd)) ? arena_printf(arena, "%s/%s", cwd, path) : NULL;
}

enum { NOTES_MAX = 4 << 20 };

static int read_rootless(const struct skiff_options *o, enum rootless *ret, struct err *e)
{
	static const struct name words[] = { { "auto", ROOTLESS_AUTO },
					     { "true", ROOTLESS_YES },
					     { "false", ROOTLESS_NO },
					     { NULL, 0 } };
	const char *word = o->size >= sizeof(*o) && o->rootless ? o->rootless : "auto";
	const struct name *found = names_find(words, word, strlen(word));

	if (!found)
		return err_set(e, ERR_USAGE,
			       "rootless: \"%s\" is not true, false or auto", word);
	*ret = (enum rootless)found->value;
	return 0;
}

static int set_options(struct skiff *s, const struct skiff_options *o, struct err *e)
{
	static const char *const managers[] = { "cgroupfs", "systemd", "disabled" };
	const char *manager = o->cgroup_manager ? o->cgroup_manager : managers[0];

	if (read_rootless(o, &s->rootless, e) < 0)
		return -1;
	s->root = o->root && *o->root ? absolute(&s->arena, o->root)
				      : default_root(s->rootless, &s->arena);
	if (!s->root)
		return err_sys(e, errno, "--root: working directory");
	for (size_t i = 0; i < sizeof(managers) / sizeof(managers[0]); i++)
		if (!strcmp(manager, managers[i]))
			s->cgroup_manager = managers[i];
	if (!s->cgroup_manager)
		return err_set(
			e, ERR_USAGE,
			"unknown cgroup manager \"%s\": cgroupfs, systemd or disabled",
			manager);
	return 0;
}

int skiff_new(const struct skiff_options *options, struct skiff **ret,
	      struct skiff_error *e)
{
	struct arena arena;
	struct err err;
	struct skiff *s;
	int r = arena_init(&arena);

	if (r < 0) {
		err_sys(&err, -r, "memory");
		return sk_fail(NULL, &err, e);
	}
	s = arena_new(&arena, struct skiff);
	s->arena = arena;
	s->last_warning = &s->warnings;
	s->last_note = &s->notes;
	s->debug = options->size > offsetof(struct skiff_options, debug) &&
		   options->debug;
	s->config_name = "config.json";
	if (set_options(s, options, &err) < 0) {
		sk_fail(s, &err, e);
		skiff_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void skiff_free(struct skiff *s)
{
	struct arena arena;

	if (!s)
		return;
	if (s->own)
		container_close(s->own);
	/* The context lies in its own arena. */
	arena = s->arena;
	arena_done(&arena);
}

/* Whether a message names a JSON path itself. One like "root" may be a word of it. */
static bool has_origin(const char *msg, const char *origin)
{
	return strpbrk(origin, ".[-") ? strstr(msg, origin) != NULL
				      : !strncmp(msg, origin, strlen(origin));
}

/* "config.json: process.cwd: not an absolute path": where, unless the text has it
 * already, then what. */
static void put_message(const struct skiff *s, const struct err *err, char *to,
			size_t size)
{
	bool config = err->code == ERR_CONFIG && *err->origin && s && s->config_name;
	bool origin = *err->origin && !has_origin(err->msg, err->origin);

	snprintf(to, size, "%s%s%s%s%s", config ? s->config_name : "", config ? ": " : "",
		 origin ? err->origin : "", origin ? ": " : "", err->msg);
}

int sk_fail(struct skiff *s, const struct err *err, struct skiff_error *e)
{
	struct skiff_error full = {
		sizeof(full), (int)err->code, err->errnum, "", "", ""
	};
	size_t size = e ? e->size : 0;

	if (size < sizeof(size))
		return -1;
	memcpy(full.origin, err->origin, sizeof(full.origin));
	memcpy(full.step, err->step, sizeof(full.step));
	put_message(s, err, full.message, sizeof(full.message));
	memcpy(e, &full, size < sizeof(full) ? size : sizeof(full));
	e->size = size;
	return -1;
}

static void append(struct arena *arena, struct warning ***last, const char *text)
{
	struct warning *w = arena_new(arena, struct warning);

	w->text = text;
	**last = w;
	*last = &w->next;
}

static const char *take(struct warning **first, struct warning ***last)
{
	struct warning *w = *first;

	if (!w)
		return NULL;
	*first = w->next;
	if (!*first)
		*last = first;
	return w->text;
}

void sk_warn(struct skiff *s, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	append(&s->arena, &s->last_warning, arena_strdup(&s->arena, text));
}

void sk_left_out(void *skiff, const char *path, const char *word)
{
	sk_warn(skiff, "%s: \"%s\" is not known and left out", path, word);
}

void sk_note_plan(struct skiff *s, const struct plan *p)
{
	struct buf b;

	if (!s->debug)
		return;
	buf_init(&b, &s->arena, NOTES_MAX);
	plan_print_text(p, &b);
	for (char *line = b.p, *end; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		if (*line)
			append(&s->arena, &s->last_note, line);
	}
}

const char *skiff_next_warning(struct skiff *s)
{
	return take(&s->warnings, &s->last_warning);
}

const char *skiff_next_debug(struct skiff *s)
{
	return take(&s->notes, &s->last_note);
}
