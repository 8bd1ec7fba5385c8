/*
 * resctrl on the kernel's side (the kernel's Documentation/filesystems/resctrl.rst). Each refused write leaves its reason
 * in info/last_cmd_status: it is quoted.
 */
#include "cgroup/resctrl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

enum { PATH_SIZE = 4096, SCHEMATA_SIZE = 65536, LEVELS = 4 };

static int open_in(const char *dir, const char *file, int flags)
{
	char path[PATH_SIZE];

	if (snprintf(path, sizeof(path), "%s/%s", dir, file) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	return openat(AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY);
}

/* " (why)", or nothing. The root of the file system is at most three levels up. */
static void read_reason(const char *dir, char *ret, size_t size)
{
	char path[PATH_SIZE], text[256] = "";
	ssize_t n = -1;

	for (int up = 0; up < LEVELS && n < 0; up++) {
		snprintf(path, sizeof(path), "%s/%.*sinfo/last_cmd_status", dir, 3 * up,
			 "../../../");
		n = fd_read_line(AT_FDCWD, path, text, sizeof(text));
	}
	ret[0] = '\0';
	if (n > 0 && strcmp(text, "ok") != 0)
		snprintf(ret, size, " (the kernel says: %s)", text);
}

static int refused(const char *dir, int error, const char *what, struct err *e)
{
	char reason[300];

	read_reason(dir, reason, sizeof(reason));
	return err_sys(e, error, "%s %s%s", what, dir, reason);
}

int resctrl_write(const char *dir, const char *lines, struct err *e)
{
	auto_fd fd = open_in(dir, "schemata", O_WRONLY);
	int r = fd < 0 ? -errno : fd_write_all(fd, lines, strlen(lines));

	return r < 0 ? refused(dir, -r, "write the schemata of", e) : 0;
}

int resctrl_join(const char *dir, pid_t pid, struct err *e)
{
	auto_fd fd = open_in(dir, "tasks", O_WRONLY);
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)pid);
	int r = fd < 0 ? -errno : fd_write_all(fd, text, (size_t)n);

	return r < 0 ? refused(dir, -r, "move init into", e) : 0;
}

/* 1 = it has tasks, 0, or -errno. */
static int has_tasks(const char *dir)
{
	auto_fd fd = open_in(dir, "tasks", O_RDONLY);
	char first;
	ssize_t n = fd < 0 ? -1 : read(fd, &first, 1);

	return n < 0 ? -errno : (int)n;
}

/* --- what a shared group has --- */

static size_t number_end(const char *s)
{
	return strcspn(s, "=; \t\n");
}

/* Bit masks and percentages alike: without regard to zeros and spaces in front (the kernel aligns them) and to capitals. */
static bool same_number(const char *a, const char *b)
{
	size_t na, nb;

	a += strspn(a, " 0");
	b += strspn(b, " 0");
	na = number_end(a);
	nb = number_end(b);
	return na == nb && !strncasecmp(a, b, na);
}

/* The value of "id=value" in "0=f;1=ff", or NULL. */
static const char *domain_value(const char *list, const char *id, size_t n)
{
	while (*list && *list != '\n') {
		list += strspn(list, " \t;");
		if (number_end(list) == n && !strncmp(list, id, n) && list[n] == '=')
			return list + n + 1;
		list += strcspn(list, ";\n");
	}
	return NULL;
}

/* The list after "L3:" in the lines of a schemata file, which are indented; or NULL. */
static const char *find_resource(const char *text, const char *name, size_t n)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		text += strspn(text, " \t");
		if (!strncmp(text, name, n) && text[n] == ':')
			return text + n + 1;
	}
	return NULL;
}

/* Whether every domain of one wanted line, "L3:0=f;1=f", has that value in text. */
static bool has_line(const char *text, const char *line)
{
	size_t n = strcspn(line, ":\n");
	const char *list = line[n] == ':' ? find_resource(text, line, n) : NULL;
	const char *s = line + n + 1;

	while (list && *s && *s != '\n') {
		const char *found;

		s += strspn(s, " \t;");
		n = number_end(s);
		found = domain_value(list, s, n);
		if (n && (s[n] != '=' || !found || !same_number(found, s + n + 1)))
			return false;
		s += strcspn(s, ";\n");
	}
	return list;
}

static int compare(const char *dir, const char *lines, struct err *e)
{
	auto_fd fd = open_in(dir, "schemata", O_RDONLY);
	char text[SCHEMATA_SIZE];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return err_sys(e, errno, "read the schemata of %s", dir);
	text[n] = '\0';
	for (; *lines; lines += strcspn(lines, "\n") + 1)
		if (!has_line(text, lines))
			return err_set(e, ERR_CONFIG,
				       "the class %s exists and has other schemata than "
				       "\"%.*s\": others may use it",
				       dir, (int)strcspn(lines, "\n"), lines);
	return 0;
}

/* --- making and removing --- */

static int take_over(const char *dir, enum resctrl_owner owner, bool *ret_made,
		     struct err *e)
{
	int busy = has_tasks(dir);

	if (busy < 0)
		return err_set(e, ERR_CONFIG, "%s is no group of resctrl", dir);
	if (owner != RESCTRL_OWN)
		return 0;
	if (busy)
		return err_set(e, ERR_STATE,
			       "%s has tasks: another container has the same id", dir);
	*ret_made = true;
	return 0;
}

int resctrl_make(const char *dir, enum resctrl_owner owner, const char *lines,
		 bool *ret_made, struct err *e)
{
	bool is_new = owner != RESCTRL_EXISTING && !mkdir(dir, 0755);

	*ret_made = is_new;
	if (!is_new && owner != RESCTRL_EXISTING && errno != EEXIST)
		return refused(dir, errno, "make", e);
	if (!is_new && owner == RESCTRL_EXISTING && access(dir, F_OK) < 0)
		return err_sys(e, errno,
			       "class %s: without schemata it must be there already",
			       dir);
	if (!is_new && take_over(dir, owner, ret_made, e) < 0)
		return -1;
	if (!lines)
		return 0;
	return *ret_made ? resctrl_write(dir, lines, e) : compare(dir, lines, e);
}

int resctrl_remove(const char *dir, bool unused, struct err *e)
{
	if (unused && has_tasks(dir) == 1)
		return 0;
	if (rmdir(dir) < 0 && errno != ENOENT)
		return err_sys(e, errno, "remove %s", dir);
	return 0;
}
