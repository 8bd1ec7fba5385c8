/* The arena: alignment, zeroed memory, copies, exhaustion. */
#include "test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_alignment(void **state)
{
	auto_arena a = { 0 };

	(void)state;
	assert_int_equal(arena_init(&a), 0);
	for (size_t n = 0; n < 40; n++) {
		char *p = arena_alloc(&a, n);

		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
}

static void test_copies(void **state)
{
	auto_arena a = { 0 };

	(void)state;
	assert_int_equal(arena_init(&a), 0);
	assert_string_equal(arena_strdup(&a, "abc"), "abc");
	assert_string_equal(arena_strndup(&a, "abc", 2), "ab");
	assert_string_equal(arena_strndup(&a, "abc", 0), "");
	assert_string_equal(arena_printf(&a, "%d-%s", 7, "x"), "7-x");
	assert_string_equal(arena_printf(&a, "%s", ""), "");
	int *v = arena_array(&a, 1000, sizeof(*v));

	for (int i = 0; i < 1000; i++)
		assert_int_equal(v[i], 0);
}

static void test_left(void **state)
{
	auto_arena a = { 0 };

	(void)state;
	assert_int_equal(arena_init(&a), 0);
	assert_int_equal(arena_left(&a), ARENA_MAX);
	arena_alloc(&a, ARENA_MAX - 64);
	assert_int_equal(arena_left(&a), 64);
	arena_alloc(&a, 64);
	assert_int_equal(arena_left(&a), 0);
	arena_done(&a);
	assert_null(a.base);
	arena_done(&a);
}

/* Bounds are the callers' business: passing them ends the process at once. */
static void expect_abort(size_t n, size_t size)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		struct arena a;

		signal(SIGABRT, SIG_DFL);
		if (arena_init(&a) < 0)
			_exit(1);
		arena_array(&a, n, size);
		_exit(0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void test_exhaustion(void **state)
{
	(void)state;
	expect_abort(ARENA_MAX + 1, 1);
	expect_abort(SIZE_MAX / 2, 4);
	expect_abort(1, SIZE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_exhaustion),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
