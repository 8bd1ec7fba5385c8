/*
 * What a container's cgroups count. Reading only; how it is printed is runtime's (stats_print.c).
 * Whatever the kernel does not have stays zero, empty or NULL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "json/schema.h"

struct stat_usage {
	uint64_t limit, usage, max, failcnt;
};

/* One line of a pressure file; averages as JSON numbers. */
struct stat_pressure {
	char *avg10, *avg60, *avg300;
	uint64_t total; /* microseconds */
};
struct stat_psi {
	struct stat_pressure some, full;
};

struct stat_cpu_usage {
	uint64_t total, kernel, user;               /* nanoseconds */
	char *percpu, *percpu_kernel, *percpu_user; /* JSON arrays */
};
struct stat_throttling {
	uint64_t periods, throttled_periods, throttled_time;
};
struct stat_cpu {
	struct stat_cpu_usage usage;
	struct stat_throttling throttling;
	struct stat_psi *psi;
};

struct stat_cpuset {
	LIST(uint32_t) cpus, mems;
	uint64_t cpu_exclusive, mem_hardwall, mem_exclusive, memory_migrate,
		memory_spread_page, memory_spread_slab, memory_pressure,
		sched_load_balance;
	int64_t sched_relax_domain_level;
};

struct stat_memory {
	uint64_t cache;
	struct stat_usage usage, swap, kernel, kernel_tcp;
	char *raw; /* memory.stat as a JSON object */
	struct stat_psi *psi;
};

struct stat_pids {
	bool counted; /* there is a pids controller */
	uint64_t current, limit;
};

struct stat_io_entry {
	uint64_t major, minor;
	char *op;
	uint64_t value;
};
typedef LIST(struct stat_io_entry) stat_io_list;
enum stat_io {
	STAT_IO_BYTES,
	STAT_IO_SERVICED,
	STAT_IO_QUEUED,
	STAT_IO_SERVICE_TIME,
	STAT_IO_WAIT_TIME,
	STAT_IO_MERGED,
	STAT_IO_TIME,
	STAT_IO_SECTORS,
	STAT_IO_COUNT
};
struct stat_blkio {
	stat_io_list io[STAT_IO_COUNT];
	struct stat_psi *psi;
};

struct stat_hugetlb {
	char *size; /* "2MB"; the key */
	uint64_t usage, max, failcnt;
};

struct cgroup_stats {
	struct stat_cpu cpu;
	struct stat_cpuset cpuset;
	struct stat_memory memory;
	struct stat_pids pids;
	struct stat_blkio blkio;
	LIST(struct stat_hugetlb) hugetlb;
};

/* Adds what the files of one directory tell: it may have any controllers. Version 2
 * first, where there are both: it counts CPU time without a controller, too. */
void cgroup_stats_v2(int dirfd, struct arena *arena, struct cgroup_stats *to);
void cgroup_stats_v1(int dirfd, struct arena *arena, struct cgroup_stats *to);

/* --- for those two --- */

/* A file with one number; "max" is UINT64_MAX. False, and *ret as it was, when there is
 * none. */
bool stat_number(int dirfd, const char *file, uint64_t *ret);
/* Both versions have the same two files. */
void stat_pids(int dirfd, struct stat_pids *to);
/* The text of a file in the arena, or NULL. */
char *stat_text(int dirfd, const char *file, struct arena *arena);
/* The number behind "key " in a text of such lines; 0 = none. */
uint64_t stat_value(const char *text, const char *key);
void stat_add_io(stat_io_list *list, struct arena *arena,
		 const struct stat_io_entry *entry);
/* The sizes of huge pages as the file names have them: "2MB"; NULL-terminated. */
char **stat_page_sizes(struct arena *arena);
/* Lines of "name number" as a JSON object. */
char *stat_object(const char *text, struct arena *arena);
/* "0-2,7" as numbers. */
void stat_set(const char *text, struct arena *arena, struct list *ret);
