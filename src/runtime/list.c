/* list: every directory of the state root is a container; and those whose ids match a
 * regular expression. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/container.h"

enum { LIST_MAX = 65536, JSON_MAX = 16 << 20 };

static int by_id(const void *a, const void *b)
{
	const struct skiff_container *x = a, *y = b;

	return strcmp(x->id, y->id);
}

/* Fills in one; -1 when it vanished meanwhile or cannot be read. */
static int describe(struct skiff *s, const char *id, struct skiff_container *ret,
		    struct err *e)
{
	auto_container c = { .dir = -1, .pidfd = -1 };
	struct buf b;

	if (container_open(s, id, &c, e) < 0 || container_load(&c, e) < 0 ||
	    container_status(&c, e) < 0)
		return -1;
	if (!c.has_state)
		return err_set(e, ERR_STATE, "container \"%s\" is not complete", id);
	buf_init(&b, &s->arena, JSON_MAX);
	state_report(&c, status_name(c.status), c.pid, JSON_COMPACT, &b);
	*ret = (struct skiff_container){
		.size = sizeof(*ret),
		.id = id,
		.status = status_name(c.status),
		.bundle = c.state.bundle,
		.rootfs = c.state.rootfs,
		.created = c.state.created,
		.pid = c.pid,
		.json = b.p,
		.owner = owner_name(c.state.owner, &s->arena),
	};
	return 0;
}

/* The names in the root directory that can be ids. */
static int read_names(struct skiff *s, strs *ret, struct err *e)
{
	struct err ignored;
	struct dirent *d;
	DIR *dir = opendir(s->root);

	*ret = (strs){ 0 };
	if (!dir)
		return errno == ENOENT ? 0 : err_sys(e, errno, "open %s", s->root);
	ret->v = arena_array(&s->arena, LIST_MAX, sizeof(*ret->v));
	while (ret->n < LIST_MAX && (d = readdir(dir)))
		if (*d->d_name != '.' && id_check(d->d_name, &ignored) == 0)
			ret->v[ret->n++] = arena_strdup(&s->arena, d->d_name);
	closedir(dir);
	return 0;
}

int skiff_list(struct skiff *s, const struct skiff_container **ret, size_t *ret_n,
	       struct skiff_error *e)
{
	struct skiff_container *v;
	struct err err;
	size_t n = 0;
	strs names;

	if (read_names(s, &names, &err) < 0)
		return sk_fail(s, &err, e);
	v = arena_array(&s->arena, names.n + 1, sizeof(*v));
	for (size_t i = 0; i < names.n; i++) {
		if (!describe(s, names.v[i], &v[n], &err))
			n++;
		else if (err.errnum != ENOENT)
			sk_warn(s, "%s", err.msg);
	}
	qsort(v, n, sizeof(*v), by_id);
	*ret = v;
	*ret_n = n;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

int skiff_match(struct skiff *s, const char *pattern, const char *const **ret,
		size_t *ret_n, struct skiff_error *e)
{
	const char **v;
	struct err err;
	regex_t regex;
	size_t n = 0;
	char why[200];
	strs names;
	int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);

	if (r) {
		regerror(r, &regex, why, sizeof(why));
		err_set(&err, ERR_CONFIG, "--regex: \"%.200s\": %s", pattern, why);
		return sk_fail(s, &err, e);
	}
	r = read_names(s, &names, &err);
	v = arena_array(&s->arena, names.n + 1, sizeof(*v));
	for (size_t i = 0; !r && i < names.n; i++)
		if (!regexec(&regex, names.v[i], 0, NULL, 0))
			v[n++] = names.v[i];
	regfree(&regex);
	if (r < 0)
		return sk_fail(s, &err, e);
	qsort(v, n, sizeof(*v), by_text);
	*ret = v;
	*ret_n = n;
	return 0;
}
