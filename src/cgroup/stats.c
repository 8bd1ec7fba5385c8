/*
 * Reading the kernel's small files of numbers: what both versions' statistics stand on.
 * Missing files are no errors: kernels and hierarchies differ in what they count.
 */
#include "cgroup/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/names.h"
#include "cgroup/tree.h"

enum { FILE_MAX = 1 << 20, SET_MAX = 65536, SIZES_MAX = 16, IO_STEP = 64 };

char *stat_text(int dirfd, const char *file, struct arena *arena)
{
	char *text;
	size_t n;

	return fd_read_file(dirfd, file, arena, FILE_MAX, &text, &n) ? NULL : text;
}

bool stat_number(int dirfd, const char *file, uint64_t *ret)
{
	char text[32];
	uint64_t v;

	if (fd_read_line(dirfd, file, text, sizeof(text)) <= 0)
		return false;
	if (!strcmp(text, "max"))
		v = UINT64_MAX;
	else if (!parse_u64(text, UINT64_MAX, &v))
		return false;
	*ret = v;
	return true;
}

void stat_pids(int dirfd, struct stat_pids *to)
{
	if (!stat_number(dirfd, "pids.current", &to->current))
		return;
	to->counted = true;
	stat_number(dirfd, "pids.max", &to->limit);
	if (to->limit == UINT64_MAX)
		to->limit = 0;
}

uint64_t stat_value(const char *text, const char *key)
{
	size_t n = strlen(key);

	for (const char *line = text; line && *line;) {
		if (!strncmp(line, key, n) && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return 0;
}

void stat_add_io(stat_io_list *list, struct arena *arena,
		 const struct stat_io_entry *entry)
{
	if (list->n % IO_STEP == 0) {
		struct stat_io_entry *v = arena_array(arena, list->n + IO_STEP,
						      sizeof(*v));

		if (list->n)
			memcpy(v, list->v, list->n * sizeof(*v));
		list->v = v;
	}
	list->v[list->n++] = *entry;
}

char **stat_page_sizes(struct arena *arena)
{
	auto_fd fd = open("/sys/kernel/mm/hugepages", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char **v = arena_array(arena, SIZES_MAX + 1, sizeof(*v));
	struct dir_scan scan;
	const char *name;
	size_t n = 0;

	if (fd < 0)
		return v;
	dir_scan_init(&scan, fd);
	while (n < SIZES_MAX && (name = dir_scan_next(&scan))) {
		uint64_t kb = strncmp(name, "hugepages-", 10)
				      ? 0
				      : strtoull(name + 10, NULL, 10);
		const char *unit = kb >= 1 << 20 ? "GB" : kb >= 1 << 10 ? "MB" : "KB";

		if (kb)
			v[n++] = arena_printf(arena, "%" PRIu64 "%s",
					      kb >= 1 << 20   ? kb >> 20
					      : kb >= 1 << 10 ? kb >> 10
							      : kb,
					      unit);
	}
	return v;
}

char *stat_object(const char *text, struct arena *arena)
{
	struct buf b;

	buf_init(&b, arena, FILE_MAX * 2);
	buf_char(&b, '{');
	for (const char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
		const char *space = memchr(line, ' ', (size_t)(end - line));

		if (!space)
			continue;
		buf_str(&b, b.len > 1 ? "," : "");
		buf_json(&b, arena_strndup(arena, line, (size_t)(space - line)));
		buf_fmt(&b, ":%" PRIu64, (uint64_t)strtoull(space + 1, NULL, 10));
	}
	buf_char(&b, '}');
	return b.full ? NULL : b.p;
}

void stat_set(const char *text, struct arena *arena, struct list *ret)
{
	uint32_t *v = arena_array(arena, SET_MAX, sizeof(*v));
	size_t n = 0;
	char *end;

	while (*text >= '0' && *text <= '9') {
		unsigned long first = strtoul(text, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && n < SET_MAX; first++)
			v[n++] = (uint32_t)first;
		text = end + (*end == ',');
	}
	ret->v = n ? v : NULL;
	ret->n = n;
}
