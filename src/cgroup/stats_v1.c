/*
 * Statistics of one version 1 directory, whatever controllers its hierarchy has.
 * cgroup-v1/memory.rst, cpuacct.rst, cpusets.rst, blkio-controller.rst, pids.rst, hugetlb.rst.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/names.h"
#include "cgroup/stats.h"

enum { ARRAY_MAX = 1 << 20, NSEC = 1000000000 };

/* "1 2 3" as a JSON array. */
static char *number_array(char *text, struct arena *arena)
{
	char *save = NULL;
	struct buf b;

	buf_init(&b, arena, ARRAY_MAX);
	for (char *word = strtok_r(text, " \n", &save); word;
	     word = strtok_r(NULL, " \n", &save))
		buf_fmt(&b, "%c%" PRIu64, b.len ? ',' : '[',
			(uint64_t)strtoull(word, NULL, 10));
	if (!b.len)
		return NULL;
	buf_char(&b, ']');
	return b.p;
}

/* cpuacct.usage_all: a head, then "CPU USER SYSTEM" lines. */
static void read_usage_all(const char *text, struct arena *arena,
			   struct stat_cpu_usage *to)
{
	uint64_t cpu, user, system;
	struct buf users, systems;

	buf_init(&users, arena, ARRAY_MAX);
	buf_init(&systems, arena, ARRAY_MAX);
	for (const char *line = strchr(text, '\n'); line; line = strchr(line + 1, '\n')) {
		if (sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64, &cpu, &user,
			   &system) != 3)
			continue;
		buf_fmt(&users, "%c%" PRIu64, users.len ? ',' : '[', user);
		buf_fmt(&systems, "%c%" PRIu64, systems.len ? ',' : '[', system);
	}
	if (!users.len)
		return;
	buf_char(&users, ']');
	buf_char(&systems, ']');
	to->percpu_user = users.p;
	to->percpu_kernel = systems.p;
}

static void read_cpuacct(int dirfd, struct arena *arena, struct stat_cpu_usage *to)
{
	uint64_t tick = NSEC / (uint64_t)sysconf(_SC_CLK_TCK);
	char *text;

	if (!stat_number(dirfd, "cpuacct.usage", &to->total))
		return;
	text = stat_text(dirfd, "cpuacct.stat", arena);
	if (text) {
		to->user = stat_value(text, "user") * tick;
		to->kernel = stat_value(text, "system") * tick;
	}
	text = stat_text(dirfd, "cpuacct.usage_percpu", arena);
	if (text)
		to->percpu = number_array(text, arena);
	text = stat_text(dirfd, "cpuacct.usage_all", arena);
	if (text)
		read_usage_all(text, arena, to);
}

static void read_cpu(int dirfd, struct arena *arena, struct stat_throttling *to)
{
	char *text = stat_text(dirfd, "cpu.stat", arena);

	if (text)
		*to = (struct stat_throttling){
			stat_value(text, "nr_periods"),
			stat_value(text, "nr_throttled"),
			stat_value(text, "throttled_time"),
		};
}

static void read_cpuset(int dirfd, struct arena *arena, struct stat_cpuset *to)
{
	const struct {
		const char *file;
		uint64_t *to;
	} numbers[] = {
		{ "cpuset.cpu_exclusive", &to->cpu_exclusive },
		{ "cpuset.mem_hardwall", &to->mem_hardwall },
		{ "cpuset.mem_exclusive", &to->mem_exclusive },
		{ "cpuset.memory_migrate", &to->memory_migrate },
		{ "cpuset.memory_spread_page", &to->memory_spread_page },
		{ "cpuset.memory_spread_slab", &to->memory_spread_slab },
		{ "cpuset.memory_pressure", &to->memory_pressure },
		{ "cpuset.sched_load_balance", &to->sched_load_balance },
	};
	char *cpus = stat_text(dirfd, "cpuset.cpus", arena);
	char *mems = stat_text(dirfd, "cpuset.mems", arena);
	char *level = stat_text(dirfd, "cpuset.sched_relax_domain_level", arena);

	if (!cpus)
		return;
	stat_set(cpus, arena, (struct list *)(void *)&to->cpus);
	if (mems)
		stat_set(mems, arena, (struct list *)(void *)&to->mems);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		stat_number(dirfd, numbers[i].file, numbers[i].to);
	if (level)
		to->sched_relax_domain_level = strtoll(level, NULL, 10);
}

/* which: "", "memsw.", "kmem.", "kmem.tcp." */
static void read_usage(int dirfd, struct arena *arena, const char *which,
		       struct stat_usage *to)
{
	const struct {
		const char *file;
		uint64_t *to;
	} numbers[] = {
		{ "limit_in_bytes", &to->limit },
		{ "usage_in_bytes", &to->usage },
		{ "max_usage_in_bytes", &to->max },
		{ "failcnt", &to->failcnt },
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		stat_number(dirfd,
			    arena_printf(arena, "memory.%s%s", which, numbers[i].file),
			    numbers[i].to);
}

static void read_memory(int dirfd, struct arena *arena, struct stat_memory *to)
{
	char *text = stat_text(dirfd, "memory.stat", arena);

	if (!text)
		return;
	to->raw = stat_object(text, arena);
	to->cache = stat_value(text, "cache");
	read_usage(dirfd, arena, "", &to->usage);
	read_usage(dirfd, arena, "memsw.", &to->swap);
	read_usage(dirfd, arena, "kmem.", &to->kernel);
	read_usage(dirfd, arena, "kmem.tcp.", &to->kernel_tcp);
}

/* "8:0 Read 4096", or without the operation; a sum of all devices stands last. */
static bool read_io_file(int dirfd, const char *file, struct arena *arena,
			 stat_io_list *to)
{
	char *text = stat_text(dirfd, file, arena), *save = NULL, op[32];

	if (!text)
		return false;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		struct stat_io_entry entry = { 0 };

		*op = '\0';
		if (sscanf(line, "%" SCNu64 ":%" SCNu64 " %31[A-Za-z] %" SCNu64,
			   &entry.major, &entry.minor, op, &entry.value) != 4 &&
		    sscanf(line, "%" SCNu64 ":%" SCNu64 " %" SCNu64, &entry.major,
			   &entry.minor, &entry.value) != 3)
			continue;
		entry.op = *op ? arena_strdup(arena, op) : NULL;
		stat_add_io(to, arena, &entry);
	}
	return to->n;
}

/* The scheduler that counts differs: BFQ, long ago CFQ, and the throttling layer where
 * neither is in use. */
static void read_blkio(int dirfd, struct arena *arena, struct stat_blkio *to)
{
	static const char *const schedulers[] = { "blkio.bfq.", "blkio." };
	static const char *const files[STAT_IO_COUNT] = {
		[STAT_IO_BYTES] = "io_service_bytes_recursive",
		[STAT_IO_SERVICED] = "io_serviced_recursive",
		[STAT_IO_QUEUED] = "io_queued_recursive",
		[STAT_IO_SERVICE_TIME] = "io_service_time_recursive",
		[STAT_IO_WAIT_TIME] = "io_wait_time_recursive",
		[STAT_IO_MERGED] = "io_merged_recursive",
		[STAT_IO_TIME] = "time_recursive",
		[STAT_IO_SECTORS] = "sectors_recursive",
	};
	bool found = false;

	if (faccessat(dirfd, "blkio.reset_stats", F_OK, 0) < 0)
		return;
	for (size_t s = 0; s < sizeof(schedulers) / sizeof(schedulers[0]) && !found; s++)
		for (size_t i = 0; i < STAT_IO_COUNT; i++)
			found |= read_io_file(
				dirfd,
				arena_printf(arena, "%s%s", schedulers[s], files[i]),
				arena, &to->io[i]);
	for (size_t i = 0; i <= STAT_IO_SERVICED && !found; i++)
		if (!read_io_file(dirfd,
				  arena_printf(arena, "blkio.throttle.%s", files[i]),
				  arena, &to->io[i]))
			read_io_file(dirfd,
				     arena_printf(arena, "blkio.throttle.%.*s",
						  (int)strlen(files[i]) - 10, files[i]),
				     arena, &to->io[i]);
}

static void read_hugetlb(int dirfd, struct arena *arena, struct cgroup_stats *to)
{
	char **sizes = stat_page_sizes(arena);
	size_t n = 0;

	while (sizes[n])
		n++;
	struct stat_hugetlb *v = arena_array(arena, n + 1, sizeof(*v));
	size_t found = 0;

	for (size_t i = 0; i < n; i++) {
		struct stat_hugetlb *h = &v[found];
		const char *kind = "rsvd.";

		if (!stat_number(dirfd,
				 arena_printf(arena, "hugetlb.%s.rsvd.usage_in_bytes",
					      sizes[i]),
				 &h->usage)) {
			kind = "";
			if (!stat_number(dirfd,
					 arena_printf(arena, "hugetlb.%s.usage_in_bytes",
						      sizes[i]),
					 &h->usage))
				continue;
		}
		h->size = sizes[i];
		stat_number(dirfd,
			    arena_printf(arena, "hugetlb.%s.%smax_usage_in_bytes",
					 sizes[i], kind),
			    &h->max);
		stat_number(dirfd,
			    arena_printf(arena, "hugetlb.%s.%sfailcnt", sizes[i], kind),
			    &h->failcnt);
		found++;
	}
	if (found) {
		to->hugetlb.v = v;
		to->hugetlb.n = found;
	}
}

void cgroup_stats_v1(int dirfd, struct arena *arena, struct cgroup_stats *to)
{
	read_cpuacct(dirfd, arena, &to->cpu.usage);
	read_cpu(dirfd, arena, &to->cpu.throttling);
	read_cpuset(dirfd, arena, &to->cpuset);
	read_memory(dirfd, arena, &to->memory);
	stat_pids(dirfd, &to->pids);
	read_blkio(dirfd, arena, &to->blkio);
	read_hugetlb(dirfd, arena, to);
}
