/*
 * skiff update. Single limits become the same JSON that --resources takes, by a table: the
 * library knows one form only.
 */
#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "cli/cli.h"

enum { RESOURCES_MAX = 16 << 20 };

struct update_opts {
	const char *resources;
	const char *blkio_weight;
	const char *cpu_period, *cpu_quota, *cpu_burst, *cpu_share, *cpu_rt_period;
	const char *cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems;
	const char *memory, *memory_reservation, *memory_swap;
	const char *kernel_memory, *kernel_memory_tcp;
	const char *pids_limit;
	const char *l3_cache_schema, *mem_bw_schema;
};

#define U struct update_opts
/* clang-format off */
static const struct opt update_opts[] = {
	O_PATH_(U, resources, 'r', "resources", "FILE", "JSON file (- is stdin) with the new values, in the form of linux.resources in config.json. No option for a single limit may be given beside it."),
	O_STR(U, memory, 0, "memory", "BYTES", "Memory limit, such as 512m; -1 is no limit."),
	O_STR(U, memory_reservation, 0, "memory-reservation", "BYTES", "Memory that is left to the container when the host runs short, such as 256m."),
	O_STR(U, memory_swap, 0, "memory-swap", "BYTES", "Limit of memory and swap together; -1 is no limit."),
	O_STR(U, cpu_share, 0, "cpu-share", "N", "Share of CPU time among its siblings, 2 to 262144; 1024 is the default of the kernel."),
	O_STR(U, cpu_quota, 0, "cpu-quota", "USEC", "CPU time in each period, in microseconds; -1 is no limit."),
	O_STR(U, cpu_period, 0, "cpu-period", "USEC", "Period of the quota, 1000 to 1000000 microseconds."),
	O_STR(U, cpu_burst, 0, "cpu-burst", "USEC", "Unused quota that may be saved up for later periods, in microseconds."),
	O_STR(U, cpu_idle, 0, "cpu-idle", "0|1", "1: get CPU time only when nothing else wants it."),
	O_STR(U, cpu_rt_period, 0, "cpu-rt-period", "USEC", "Period of realtime scheduling, in microseconds (cgroup v1)."),
	O_STR(U, cpu_rt_runtime, 0, "cpu-rt-runtime", "USEC", "CPU time for realtime processes in each period, in microseconds (cgroup v1)."),
	O_STR(U, cpuset_cpus, 0, "cpuset-cpus", "LIST", "CPUs to run on, such as 0-3,7."),
	O_STR(U, cpuset_mems, 0, "cpuset-mems", "LIST", "NUMA nodes to take memory from, such as 0,1."),
	O_STR(U, pids_limit, 0, "pids-limit", "N", "Greatest number of processes and threads; -1 is no limit."),
	O_STR(U, blkio_weight, 0, "blkio-weight", "N", "Share of block device time among its siblings, 10 to 1000."),
	O_STR(U, l3_cache_schema, 0, "l3-cache-schema", "LINE", "Part of the L3 cache, such as L3:0=7f0 (resctrl)."),
	O_STR(U, mem_bw_schema, 0, "mem-bw-schema", "LINE", "Part of the memory bandwidth, such as MB:0=20 (resctrl)."),
	{ "kernel-memory", 0, OPT_STR, OPT_MEMBER(U, kernel_memory, const char *), OPT_COMPAT, "BYTES",
	  "Kernels since 5.16 have no such limit: a warning is logged.", NULL },
	O_STR(U, kernel_memory_tcp, 0, "kernel-memory-tcp", "BYTES", "Limit of TCP buffers (cgroup v1)."),
	O_HELP,
	O_END
};

enum limit_kind { LIMIT_NUMBER, LIMIT_BYTES, LIMIT_TEXT };

/* Rows of one object stand together. */
static const struct limit {
	const char *object, *key;
	enum limit_kind kind;
	size_t offset;
} limits[] = {
	{ "memory", "limit", LIMIT_BYTES, OPT_MEMBER(U, memory, const char *) },
	{ "memory", "reservation", LIMIT_BYTES, OPT_MEMBER(U, memory_reservation, const char *) },
	{ "memory", "swap", LIMIT_BYTES, OPT_MEMBER(U, memory_swap, const char *) },
	{ "memory", "kernelTCP", LIMIT_BYTES, OPT_MEMBER(U, kernel_memory_tcp, const char *) },
	{ "cpu", "shares", LIMIT_NUMBER, OPT_MEMBER(U, cpu_share, const char *) },
	{ "cpu", "quota", LIMIT_NUMBER, OPT_MEMBER(U, cpu_quota, const char *) },
	{ "cpu", "period", LIMIT_NUMBER, OPT_MEMBER(U, cpu_period, const char *) },
	{ "cpu", "burst", LIMIT_NUMBER, OPT_MEMBER(U, cpu_burst, const char *) },
	{ "cpu", "idle", LIMIT_NUMBER, OPT_MEMBER(U, cpu_idle, const char *) },
	{ "cpu", "realtimePeriod", LIMIT_NUMBER, OPT_MEMBER(U, cpu_rt_period, const char *) },
	{ "cpu", "realtimeRuntime", LIMIT_NUMBER, OPT_MEMBER(U, cpu_rt_runtime, const char *) },
	{ "cpu", "cpus", LIMIT_TEXT, OPT_MEMBER(U, cpuset_cpus, const char *) },
	{ "cpu", "mems", LIMIT_TEXT, OPT_MEMBER(U, cpuset_mems, const char *) },
	{ "pids", "limit", LIMIT_NUMBER, OPT_MEMBER(U, pids_limit, const char *) },
	{ "blockIO", "weight", LIMIT_NUMBER, OPT_MEMBER(U, blkio_weight, const char *) },
};
/* clang-format on */
#undef U
#define N_LIMITS (sizeof(limits) / sizeof(limits[0]))

static const char *value_of(const struct update_opts *o, const struct limit *l)
{
	const char *value = *(const char *const *)((const char *)o + l->offset);

	return value && *value ? value : NULL;
}

static const char *option_of(const struct limit *l)
{
	for (const struct opt *o = update_opts; o->name; o++)
		if (o->offset == l->offset && o->kind == OPT_STR)
			return o->name;
	return "";
}

/* "512m", "1.5GiB", "64 kB": units of 1024, as with docker and runc. */
static bool parse_bytes(const char *text, int64_t *ret)
{
	static const char units[] = "bkmgtp";
	size_t whole = strspn(text, "0123456789"), digits = 0;
	uint64_t n = 0, fraction = 0, scale = 1, unit = 1;
	const char *s = text + whole;

	for (size_t i = 0; i < whole; i++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(text[i] - '0'), &n))
			return false;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, digits++)
			if (digits < 6) {
				fraction = fraction * 10 + (uint64_t)(*s - '0');
				scale *= 10;
			}
	if (!whole || (text[whole] == '.' && !digits))
		return false;
	s += *s == ' ';
	if (*s) {
		const char *u = strchr(units, tolower((unsigned char)*s));

		if (!u)
			return false;
		unit <<= 10 * (u - units);
		s++;
		if (unit > 1 && tolower((unsigned char)*s) == 'i')
			s++;
		if (unit > 1 && tolower((unsigned char)*s) == 'b')
			s++;
	}
	if (*s || __builtin_mul_overflow(n, unit, &n) ||
	    __builtin_add_overflow(
		    n, (uint64_t)((double)fraction / (double)scale * (double)unit), &n) ||
	    n > INT64_MAX)
		return false;
	*ret = (int64_t)n;
	return true;
}

/* 0, or the exit status after an error was logged; so below. */
static int print_limit(struct cli *cli, const struct limit *l, const char *value,
		       struct buf *b)
{
	int64_t n;

	buf_json(b, l->key);
	buf_char(b, ':');
	if (l->kind == LIMIT_TEXT) {
		buf_json(b, value);
		return 0;
	}
	if (l->kind == LIMIT_BYTES && strcmp(value, "-1") != 0) {
		if (!parse_bytes(value, &n))
			return cli_usage_error(
				cli,
				"--%s: \"%s\" is not a number of bytes such as "
				"1048576, 512m or 1g",
				option_of(l), value);
	} else if (!parse_i64(value, INT64_MIN, INT64_MAX, &n)) {
		return cli_usage_error(cli, "--%s: \"%s\" is not a number", option_of(l),
				       value);
	}
	buf_fmt(b, "%lld", (long long)n);
	return 0;
}

static int print_limits(struct cli *cli, const struct update_opts *o, struct buf *b)
{
	const char *object = NULL;

	buf_char(b, '{');
	for (size_t i = 0; i < N_LIMITS; i++) {
		const char *value = value_of(o, &limits[i]);
		bool more = object && !strcmp(object, limits[i].object);

		if (!value)
			continue;
		if (!more && object)
			buf_char(b, '}');
		if (object)
			buf_char(b, ',');
		if (!more) {
			buf_json(b, limits[i].object);
			buf_str(b, ":{");
		}
		object = limits[i].object;
		int r = print_limit(cli, &limits[i], value, b);

		if (r)
			return r;
	}
	buf_str(b, object ? "}}" : "}");
	return 0;
}

static int read_resources(struct cli *cli, const struct update_opts *o,
			  struct skiff_update *u)
{
	bool from_stdin = !strcmp(o->resources, "-");
	char *text;
	int r;

	for (size_t i = 0; i < N_LIMITS; i++)
		if (value_of(o, &limits[i]))
			return cli_usage_error(
				cli,
				"--resources has all that changes: leave --%s "
				"out, or put %s.%s into it",
				option_of(&limits[i]), limits[i].object, limits[i].key);
	u->name = from_stdin ? "standard input" : o->resources;
	r = from_stdin ? fd_read_all(STDIN_FILENO, &cli->arena, RESOURCES_MAX, &text,
				     &u->length)
		       : fd_read_file(AT_FDCWD, o->resources, &cli->arena, RESOURCES_MAX,
				      &text, &u->length);
	if (r < 0)
		return cli_error(cli, "--resources %s: %s", o->resources, strerror(-r));
	u->resources = text;
	return 0;
}

static int run_update(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct update_opts *o = opts;
	struct skiff_update u = {
		.size = sizeof(u),
		.id = argv[0],
		.l3_cache_schema = o->l3_cache_schema,
		.mem_bw_schema = o->mem_bw_schema,
	};
	struct skiff_error e = { .size = sizeof(e) };
	struct buf b;
	int r;

	(void)argc;
	buf_init(&b, &cli->arena, 1 << 16);
	r = o->resources ? read_resources(cli, o, &u) : print_limits(cli, o, &b);
	if (r)
		return r;
	if (!o->resources) {
		u.resources = b.p;
		u.length = b.len;
	}
	if (skiff_update(cli->skiff, &u, &e) < 0)
		return cli_fail(cli, &e);
	if (o->kernel_memory)
		cli_warning(cli, "--kernel-memory has no effect: kernels have no such "
				 "limit any more");
	return 0;
}

const struct cmd cmd_update = {
	.usage = {
		"update", "CONTAINER", "change the resource limits of a container",
		"Changes limits and device rules of a container that is created, running or paused. What is\n"
		"not given stays as it is. After an error nothing has changed. Device rules (--resources) are\n"
		"added to those in force; the last one that matches a device counts.",
		"skiff update --memory 512m --pids-limit 100 web1\n"
		"echo '{\"devices\": [{\"allow\": true, \"type\": \"c\", \"major\": 10, \"minor\": 229, \"access\": \"rw\"}]}' |\n"
		"    skiff update --resources - web1", update_opts,
	},
	.opts_size = sizeof(struct update_opts), .min_args = 1, .max_args = 1, .stop_after = -1, .own_failure = 1,
	.run = run_update,
};
