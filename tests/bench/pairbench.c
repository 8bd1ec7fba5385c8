/*
 * pairbench [-n ROUNDS] [-s SETTLE_MS] [-b BASE] LABEL COMMAND [LABEL COMMAND]...
 *
 * Runs the commands in turn, ROUNDS times after one warm-up, so that whatever else the
 * machine does strikes all of them alike.  Prints for each: median and p90 of the wall
 * time in ms, median CPU time, peak resident memory, and the median of the round-by-
 * round ratio to the command labelled BASE (the last one).  %i in a command becomes a
 * number that never repeats.  A COMMAND is split at blanks; no shell runs.
 *
 * Each run is preceded by a pause of SETTLE_MS (20, or $PB_SETTLE_MS): an idle machine
 * answers differently from a busy one.  Each round has an order of its own: the kernel
 * takes a network namespace down after its container is gone, which delays whoever
 * starts next, so with one fixed order the successor of the quickest would always pay.
 * $PB_STDERR shows the commands' errors.
 *
 * The memory figure cannot be less than pairbench's own (an exec passes the peak on):
 * build it static.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MAX_ARGS = 64, MAX_LINE = 4096 };

struct command {
	const char *label, *line;
	double *wall, *cpu; /* ms, one per round */
	long rss_kb;
	int failed;
};

extern char **environ;
static posix_spawn_file_actions_t quiet;

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double ms(struct timeval t)
{
	return t.tv_sec * 1e3 + t.tv_usec / 1e3;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(const double *v, int n, double p)
{
	double *copy = malloc(n * sizeof(*copy)), found;

	memcpy(copy, v, n * sizeof(*copy));
	qsort(copy, n, sizeof(*copy), ascending);
	found = copy[(int)(p * (n - 1) + 0.5)];
	free(copy);
	return found;
}

/* copy `line` to `out` with each %i replaced */
static void number(const char *line, long id, char *out)
{
	char *end = out + MAX_LINE - 32;

	while (*line && out < end) {
		if (line[0] == '%' && line[1] == 'i') {
			out += sprintf(out, "%ld", id);
			line += 2;
		} else {
			*out++ = *line++;
		}
	}
	*out = '\0';
}

static int split(char *line, char **argv)
{
	int n = 0;

	for (char *word = strtok(line, " "); word && n < MAX_ARGS - 1;
	     word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
	return n;
}

/* run `c` once; a negative round is the warm-up and is not recorded */
static void run_once(struct command *c, int round)
{
	static long id;
	char line[MAX_LINE], *argv[MAX_ARGS];
	struct rusage use;
	double begin, end;
	int status;
	pid_t pid;

	number(c->line, getpid() * 100000L + id++, line);
	if (split(line, argv) == 0)
		exit(2);
	begin = now_ms();
	if (posix_spawnp(&pid, argv[0], &quiet, NULL, argv, environ) != 0) {
		fprintf(stderr, "pairbench: cannot run %s\n", argv[0]);
		exit(1);
	}
	wait4(pid, &status, 0, &use);
	end = now_ms();
	if (status)
		c->failed++;
	if (round < 0)
		return;
	c->wall[round] = end - begin;
	c->cpu[round] = ms(use.ru_utime) + ms(use.ru_stime);
	if (use.ru_maxrss > c->rss_kb)
		c->rss_kb = use.ru_maxrss;
}

static void report(const struct command *c, const struct command *base, int n)
{
	double *ratio = malloc(n * sizeof(*ratio));

	for (int i = 0; i < n; i++)
		ratio[i] = c->wall[i] / base->wall[i];
	printf("  %-10s p50 %7.2f ms  p90 %7.2f ms  cpu %6.2f ms  peak %6ld KB  x%.2f",
	       c->label, percentile(c->wall, n, 0.5), percentile(c->wall, n, 0.9),
	       percentile(c->cpu, n, 0.5), c->rss_kb, percentile(ratio, n, 0.5));
	if (c->failed)
		printf("  FAILED %d times", c->failed);
	putchar('\n');
	free(ratio);
}

static void silence(void)
{
	posix_spawn_file_actions_init(&quiet);
	posix_spawn_file_actions_addopen(&quiet, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
	if (!getenv("PB_STDERR"))
		posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
}

/* the command labelled `label`, or the last one */
static const struct command *find(const struct command *c, int count, const char *label)
{
	for (int i = 0; label && i < count; i++)
		if (strcmp(c[i].label, label) == 0)
			return &c[i];
	return &c[count - 1];
}

/* the same orders each time: srand is never called */
static void shuffle(struct command **order, int count)
{
	for (int i = count - 1; i > 0; i--) {
		int j = rand() % (i + 1);
		struct command *other = order[j];

		order[j] = order[i];
		order[i] = other;
	}
}

static void run_all(struct command *c, int count, int rounds, int settle)
{
	struct command **order = calloc(count, sizeof(struct command *));

	for (int i = 0; i < count; i++)
		order[i] = &c[i];
	for (int round = -1; round < rounds; round++) {
		shuffle(order, count);
		for (int i = 0; i < count; i++) {
			usleep(settle * 1000);
			run_once(order[i], round);
		}
	}
	free(order);
}

static struct command *commands(char **words, int count, int rounds)
{
	struct command *c = calloc(count, sizeof(*c));

	for (int i = 0; i < count; i++) {
		c[i].label = words[2 * i];
		c[i].line = words[2 * i + 1];
		c[i].wall = calloc(rounds, sizeof(double));
		c[i].cpu = calloc(rounds, sizeof(double));
	}
	return c;
}

int main(int argc, char **argv)
{
	int rounds = 40, settle = 20, option, count, failed = 0;
	const char *base = NULL, *env = getenv("PB_SETTLE_MS");
	struct command *c;

	if (env)
		settle = atoi(env);
	while ((option = getopt(argc, argv, "n:s:b:")) != -1) {
		if (option == 'n')
			rounds = atoi(optarg);
		else if (option == 's')
			settle = atoi(optarg);
		else if (option == 'b')
			base = optarg;
		else
			return 2;
	}
	count = (argc - optind) / 2;
	if (count < 1 || (argc - optind) % 2 || rounds < 1) {
		fputs("usage: pairbench [-n ROUNDS] [-s SETTLE_MS] [-b BASE] LABEL "
		      "COMMAND...\n",
		      stderr);
		return 2;
	}
	c = commands(argv + optind, count, rounds);
	silence();
	run_all(c, count, rounds, settle);
	for (int i = 0; i < count; i++) {
		report(&c[i], find(c, count, base), rounds);
		failed |= c[i].failed;
	}
	return failed ? 1 : 0;
}
