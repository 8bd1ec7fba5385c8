/*
 * Statistics of a version 2 cgroup. cgroup-v2.rst, "Controllers"; accounting/psi.rst. Shown in
 * version 1's terms, as consumers of `events` expect them: times in nanoseconds, swap
 * together with memory.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup/stats.h"

enum { USEC = 1000 };

/* The number behind "key=", as JSON: "0.50" is 0.5. NULL = there is none. */
static char *average(const char *line, const char *key, struct arena *arena)
{
	const char *at = strstr(line, key);
	size_t n;

	if (!at)
		return NULL;
	at += strlen(key);
	n = strspn(at, "0123456789.");
	while (memchr(at, '.', n) && (at[n - 1] == '0' || at[n - 1] == '.'))
		n--;
	return arena_strndup(arena, at, n);
}

static void read_pressure(const char *text, const char *which, struct arena *arena,
			  struct stat_pressure *ret)
{
	const char *line = strstr(text, which);
	const char *total;

	if (line) {
		line = arena_strndup(arena, line, strcspn(line, "\n"));
		total = strstr(line, "total=");
		*ret = (struct stat_pressure){
			average(line, "avg10=", arena),
			average(line, "avg60=", arena),
			average(line, "avg300=", arena),
			total ? strtoull(total + 6, NULL, 10) : 0,
		};
	}
	if (!ret->avg10)
		ret->avg10 = ret->avg60 = ret->avg300 = arena_strdup(arena, "0");
}

static struct stat_psi *read_psi(int dirfd, const char *file, struct arena *arena)
{
	char *text = stat_text(dirfd, file, arena);
	struct stat_psi *psi;

	/* Switched off, reading it fails. */
	if (!text)
		return NULL;
	psi = arena_new(arena, struct stat_psi);
	read_pressure(text, "some ", arena, &psi->some);
	read_pressure(text, "full ", arena, &psi->full);
	return psi;
}

static void read_cpu(int dirfd, struct arena *arena, struct stat_cpu *to)
{
	char *text = stat_text(dirfd, "cpu.stat", arena);

	if (text) {
		to->usage.total = stat_value(text, "usage_usec") * USEC;
		to->usage.user = stat_value(text, "user_usec") * USEC;
		to->usage.kernel = stat_value(text, "system_usec") * USEC;
		to->throttling = (struct stat_throttling){
			stat_value(text, "nr_periods"),
			stat_value(text, "nr_throttled"),
			stat_value(text, "throttled_usec") * USEC,
		};
	}
	to->psi = read_psi(dirfd, "cpu.pressure", arena);
}

static void read_cpuset(int dirfd, struct arena *arena, struct stat_cpuset *to)
{
	char *cpus = stat_text(dirfd, "cpuset.cpus.effective", arena);
	char *mems = stat_text(dirfd, "cpuset.mems.effective", arena);

	if (cpus)
		stat_set(cpus, arena, (struct list *)(void *)&to->cpus);
	if (mems)
		stat_set(mems, arena, (struct list *)(void *)&to->mems);
}

static void read_memory(int dirfd, struct arena *arena, struct stat_memory *to)
{
	char *text = stat_text(dirfd, "memory.stat", arena);
	uint64_t limit;

	to->psi = read_psi(dirfd, "memory.pressure", arena);
	if (!text)
		return;
	to->raw = stat_object(text, arena);
	to->cache = stat_value(text, "file");
	stat_number(dirfd, "memory.current", &to->usage.usage);
	stat_number(dirfd, "memory.max", &to->usage.limit);
	stat_number(dirfd, "memory.peak", &to->usage.max);
	text = stat_text(dirfd, "memory.events", arena);
	if (text)
		to->usage.failcnt = stat_value(text, "max");
	if (!stat_number(dirfd, "memory.swap.max", &limit))
		return;
	stat_number(dirfd, "memory.swap.current", &to->swap.usage);
	to->swap.usage += to->usage.usage;
	if (__builtin_add_overflow(limit, to->usage.limit, &to->swap.limit))
		to->swap.limit = UINT64_MAX;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 ..." */
static void read_io_line(char *line, struct arena *arena, struct stat_blkio *to)
{
	static const struct {
		const char *key;
		enum stat_io list;
		const char *op;
	} known[] = {
		{ "rbytes=", STAT_IO_BYTES, "Read" },
		{ "wbytes=", STAT_IO_BYTES, "Write" },
		{ "dbytes=", STAT_IO_BYTES, "Discard" },
		{ "rios=", STAT_IO_SERVICED, "Read" },
		{ "wios=", STAT_IO_SERVICED, "Write" },
		{ "dios=", STAT_IO_SERVICED, "Discard" },
	};
	struct stat_io_entry entry = { 0 };
	char *save = NULL, *word = strtok_r(line, " ", &save);

	if (!word ||
	    sscanf(word, "%" SCNu64 ":%" SCNu64, &entry.major, &entry.minor) != 2)
		return;
	while ((word = strtok_r(NULL, " ", &save)))
		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
			size_t n = strlen(known[i].key);

			if (strncmp(word, known[i].key, n) != 0)
				continue;
			entry.op = arena_strdup(arena, known[i].op);
			entry.value = strtoull(word + n, NULL, 10);
			stat_add_io(&to->io[known[i].list], arena, &entry);
		}
}

static void read_io(int dirfd, struct arena *arena, struct stat_blkio *to)
{
	char *text = stat_text(dirfd, "io.stat", arena), *save = NULL;

	to->psi = read_psi(dirfd, "io.pressure", arena);
	if (!text)
		return;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		read_io_line(line, arena, to);
}

static void read_hugetlb(int dirfd, struct arena *arena, struct cgroup_stats *to)
{
	char **sizes = stat_page_sizes(arena);
	size_t n = 0;

	while (sizes[n])
		n++;
	to->hugetlb.v = arena_array(arena, n + 1, sizeof(*to->hugetlb.v));
	to->hugetlb.n = 0;
	for (size_t i = 0; i < n; i++) {
		struct stat_hugetlb *h = &to->hugetlb.v[to->hugetlb.n];
		char *text;

		/* What is reserved counts, as the limit does. */
		if (!stat_number(dirfd,
				 arena_printf(arena, "hugetlb.%s.rsvd.current", sizes[i]),
				 &h->usage) &&
		    !stat_number(dirfd,
				 arena_printf(arena, "hugetlb.%s.current", sizes[i]),
				 &h->usage))
			continue;
		h->size = sizes[i];
		text = stat_text(
			dirfd, arena_printf(arena, "hugetlb.%s.events", sizes[i]), arena);
		h->failcnt = text ? stat_value(text, "max") : 0;
		to->hugetlb.n++;
	}
}

void cgroup_stats_v2(int dirfd, struct arena *arena, struct cgroup_stats *to)
{
	read_cpu(dirfd, arena, &to->cpu);
	read_cpuset(dirfd, arena, &to->cpuset);
	read_memory(dirfd, arena, &to->memory);
	stat_pids(dirfd, &to->pids);
	read_io(dirfd, arena, &to->blkio);
	read_hugetlb(dirfd, arena, to);
}
