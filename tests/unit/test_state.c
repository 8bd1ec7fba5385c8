/* Containers on disk: ids, the record, its faults, status by the record of init,
 * interrupted creation, delete. */
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/container.h"

static char root[64];
static struct skiff *s;
static struct err e;
static struct skiff_error error;

static int setup(void **state)
{
	struct skiff_options o = { .size = sizeof(o), .root = root };

	(void)state;
	error = (struct skiff_error){ .size = sizeof(error) };
	snprintf(root, sizeof(root), "/tmp/skiff-state-XXXXXX");
	return mkdtemp(root) ? skiff_new(&o, &s, &error) : -1;
}

static int teardown(void **state)
{
	(void)state;
	skiff_free(s);
	return rmdir(root);
}

/* A state directory as the creator leaves it. */
static int make(const char *id)
{
	struct state st = {
		.id = (char *)id,
		.bundle = "/b",
		.rootfs = "/b/rootfs",
		.created = "2026-11-22T00:00:00Z",
		.annotations = { .v = (struct pair[]){ { "k", "v/\n" } }, .n = 1 },
	};
	int dir;

	assert_int_equal(mkdir(arena_printf(&s->arena, "%s/%s", root, id), 0700), 0);
	dir = open(arena_printf(&s->arena, "%s/%s", root, id),
		   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	assert_int_equal(state_write(dir, &st, &s->arena, &e), 0);
	return dir;
}

/* Puts text in the place of state.json. */
static void overwrite(int dir, const char *text)
{
	assert_int_equal(fd_replace_file(dir, "state.json", text, strlen(text), 0600), 0);
}

static void record_init(int dir, pid_t pid, const char *start)
{
	char text[64];

	snprintf(text, sizeof(text), "%d s%s", pid, start);
	assert_int_equal(symlinkat(text, dir, "init"), 0);
}

static const char *start_time(pid_t pid)
{
	char path[64], text[1024], *p;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	assert_true(fd_read_line(AT_FDCWD, path, text, sizeof(text)) > 0);
	p = strrchr(text, ')') + 2;
	for (int i = 3; i < 22; i++)
		p = strchr(p, ' ') + 1;
	return arena_strndup(&s->arena, p, strcspn(p, " "));
}

static const char *status_of(const char *id)
{
	struct container c;

	assert_int_equal(container_open(s, id, &c, &e), 0);
	assert_int_equal(container_load(&c, &e), 0);
	assert_int_equal(container_status(&c, &e), 0);
	container_close(&c);
	return status_name(c.status);
}

static void test_ids(void **state)
{
	static const char *const good[] = { "a", "A.b", "_x", "+1", "-", "0-9_+.." };
	static const char *const bad[] = { "",  ".",   "..",  ".a",       "a/b",
					   "/", "a b", "a\n", "\xc3\xa4", "a:b" };
	char longest[257];

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		assert_int_equal(id_check(good[i], &e), 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_int_equal(id_check(bad[i], &e), -1);
	memset(longest, 'x', 256);
	longest[256] = '\0';
	assert_int_equal(id_check(longest, &e), -1);
	longest[255] = '\0';
	assert_int_equal(id_check(longest, &e), 0);
}

static void test_missing(void **state)
{
	const char *text;

	(void)state;
	assert_int_equal(skiff_state(s, "x", &text, &error), -1);
	assert_string_equal(error.message, "container \"x\" does not exist");
	assert_int_equal(error.code, SKIFF_UNKNOWN);
	assert_int_equal(skiff_kill(s, "x", SIGTERM, false, &error), -1);
	assert_int_equal(skiff_start(s, "x", &error), -1);
	assert_int_equal(skiff_delete(s, "x", false, &error), -1);
	assert_int_equal(skiff_delete(s, "x", true, &error), 0);
}

static void test_life(void **state)
{
	int dir = make("c"), start;
	const char *text;

	(void)state;
	/* The creator's lock. */
	assert_string_equal(status_of("c"), "creating");
	record_init(dir, getpid(), start_time(getpid()));
	assert_string_equal(status_of("c"), "creating");
	close(dir);
	assert_string_equal(status_of("c"), "running");
	assert_int_equal(skiff_delete(s, "c", false, &error), -1);
	assert_string_equal(error.message,
			    "cannot delete container \"c\" that is not stopped: running "
			    "(\"skiff delete --force\" kills it first)");
	dir = open(arena_printf(&s->arena, "%s/c", root),
		   O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	start = openat(dir, "start", O_CREAT | O_CLOEXEC | O_WRONLY, 0600);
	assert_string_equal(status_of("c"), "created");
	close(start);
	assert_int_equal(skiff_state(s, "c", &text, &error), 0);
	assert_non_null(strstr(text, "\"status\": \"created\""));
	assert_non_null(strstr(text, "\"k\": \"v/\\n\""));
	/* The pid lives on as another process. */
	unlinkat(dir, "init", 0);
	record_init(dir, getpid(), "1");
	assert_string_equal(status_of("c"), "stopped");
	assert_int_equal(skiff_kill(s, "c", SIGKILL, false, &error), -1);
	assert_string_equal(error.message, "container not running");
	close(dir);
	assert_int_equal(skiff_delete(s, "c", false, &error), 0);
}

static void test_force(void **state)
{
	int dir = make("c"), status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		pause();
		_exit(0);
	}
	record_init(dir, pid, start_time(pid));
	close(dir);
	assert_int_equal(skiff_kill(s, "c", 0, false, &error), 0);
	assert_int_equal(skiff_delete(s, "c", true, &error), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_interrupted(void **state)
{
	const char *path = arena_printf(&s->arena, "%s/c", root);
	int dir = make("c");

	(void)state;
	/* Killed before init was recorded. */
	close(dir);
	assert_string_equal(status_of("c"), "stopped");
	assert_int_equal(skiff_delete(s, "c", false, &error), 0);
	/* Killed before the first byte, or inside the first write. */
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(skiff_delete(s, "c", false, &error), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	close(open(arena_printf(&s->arena, "%s/state.json", path),
		   O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(skiff_delete(s, "c", false, &error), 0);
}

static void test_corrupt(void **state)
{
	static const char *const texts[] = {
		"x",
		"{",
		"[]",
		"{\"version\":1}",
		"{\"version\":\"1\",\"id\":\"c\"}",
		"{\"version\":9,\"id\":\"c\",\"bundle\":\"/b\",\"rootfs\":\"/"
		"\",\"created\":\"x\",\"owner\":0}",
		"{\"version\":1,\"id\":\"d\",\"bundle\":\"/b\",\"rootfs\":\"/"
		"\",\"created\":\"x\",\"owner\":0}",
	};
	int dir = make("c");
	const char *text;

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		overwrite(dir, texts[i]);
		assert_int_equal(skiff_state(s, "c", &text, &error), -1);
		assert_non_null(strstr(error.message, "/c/state.json"));
		assert_non_null(strstr(error.message, "skiff delete --force c"));
		assert_int_equal(skiff_delete(s, "c", false, &error), -1);
	}
	close(dir);
	assert_int_equal(skiff_delete(s, "c", true, &error), 0);
}

static void test_list(void **state)
{
	const struct skiff_container *v;
	size_t n;

	(void)state;
	close(make("b"));
	close(make("a"));
	assert_int_equal(mkdir(arena_printf(&s->arena, "%s/.seccomp", root), 0700), 0);
	assert_int_equal(skiff_list(s, &v, &n, &error), 0);
	assert_int_equal(n, 2);
	assert_string_equal(v[0].id, "a");
	assert_string_equal(v[1].status, "stopped");
	assert_int_equal(rmdir(arena_printf(&s->arena, "%s/.seccomp", root)), 0);
	assert_int_equal(skiff_delete(s, "a", false, &error), 0);
	assert_int_equal(skiff_delete(s, "b", false, &error), 0);
}

static void test_signals(void **state)
{
	static const struct {
		const char *name;
		int number;
	} cases[] = {
		{ "TERM", SIGTERM },  { "SIGKILL", SIGKILL },
		{ "sighup", SIGHUP }, { "9", 9 },
		{ "0", 0 },           { "64", 64 },
		{ "65", -1 },         { "-1", -1 },
		{ "", -1 },           { "SIG", -1 },
		{ "TERMX", -1 },      { "RTMIN", 34 },
		{ "SIGRTMIN+3", 37 }, { "RTMAX-1", 63 },
		{ "RTMIN-1", -1 },    { "RTMIN+31", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(skiff_signal_number(cases[i].name), cases[i].number);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{ "5s", 5000000000 },
		{ "1.5s", 1500000000 },
		{ "100ms", 100000000 },
		{ "7us", 7000 },
		{ "7\u00b5s", 7000 },
		{ "9ns", 9 },
		{ "1h2m3s", 3723000000000 },
		{ "0s", 0 },
		{ "", -1 },
		{ "5", -1 },
		{ "s", -1 },
		{ "-1s", -1 },
		{ "1d", -1 },
		{ "1e3s", -1 },
		{ "1..5s", -1 },
		{ " 1s", -1 },
		{ "9999999h", -1 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(skiff_duration(cases[i].text), cases[i].ns);
}

static void test_match(void **state)
{
	static const char *const names[] = { "web2", "web10", "db" };
	const char *const *ids;
	size_t n;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(
			mkdir(arena_printf(&s->arena, "%s/%s", root, names[i]), 0700), 0);
	assert_int_equal(skiff_match(s, "^web[0-9]+$", &ids, &n, &error), 0);
	assert_int_equal(n, 2);
	assert_string_equal(ids[0], "web10");
	assert_string_equal(ids[1], "web2");
	assert_int_equal(skiff_match(s, "b", &ids, &n, &error), 0);
	assert_int_equal(n, 3);
	assert_int_equal(skiff_match(s, "x", &ids, &n, &error), 0);
	assert_int_equal(n, 0);
	assert_int_equal(skiff_match(s, "(", &ids, &n, &error), -1);
	assert_int_equal(error.code, SKIFF_CONFIG);
	for (size_t i = 0; i < COUNT(names); i++)
		rmdir(arena_printf(&s->arena, "%s/%s", root, names[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_missing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_force, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt, setup, teardown),
		cmocka_unit_test_setup_teardown(test_list, setup, teardown),
		cmocka_unit_test_setup_teardown(test_match, setup, teardown),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
