/* Log records: one line each, whatever the message holds; JSON that engines can read;
 * where they go. */
#include "test.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

static int saved_stderr;

static int setup(void **state)
{
	(void)state;
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	return saved_stderr < 0 ? -1 : arena_init(&arena);
}

static int teardown(void **state)
{
	(void)state;
	close(saved_stderr);
	arena_done(&arena);
	return 0;
}

/* What a record makes of the log file (if there is one) and of stderr. */
static void record(enum log_format format, bool with_file, const struct log_record *r,
		   char **ret_file, char **ret_stderr)
{
	auto_fd file = memfd_create("file", MFD_CLOEXEC),
		err = memfd_create("stderr", MFD_CLOEXEC);
	struct log l = { .target = { { LOG_FILE, file, NULL } },
			 .n = with_file,
			 .format = format,
			 .level = LOG_WARN };
	size_t n;

	dup2(err, STDERR_FILENO);
	log_record(&l, &arena, r);
	dup2(saved_stderr, STDERR_FILENO);
	lseek(file, 0, SEEK_SET);
	lseek(err, 0, SEEK_SET);
	assert_int_equal(fd_read_all(file, &arena, 1 << 20, ret_file, &n), 0);
	assert_int_equal(fd_read_all(err, &arena, 1 << 20, ret_stderr, &n), 0);
}

static void test_places(void **state)
{
	struct log_record error = { .level = LOG_ERROR, .msg = "bad" },
			  warn = { .level = LOG_WARN, .msg = "odd" },
			  debug = { .level = LOG_DEBUG, .msg = "fine" };
	char *file, *err;

	(void)state;
	record(LOG_TEXT, false, &error, &file, &err);
	assert_string_equal(file, "");
	assert_string_equal(err, "skiff: bad\n");
	record(LOG_TEXT, true, &error, &file, &err);
	assert_non_null(strstr(file, "Z error: bad\n"));
	assert_string_equal(err, "skiff: bad\n");
	record(LOG_JSON, true, &warn, &file, &err);
	assert_non_null(
		strstr(file, "{\"level\":\"warning\",\"msg\":\"odd\",\"time\":\"2"));
	assert_string_equal(err, "");
	record(LOG_TEXT, false, &warn, &file, &err);
	assert_string_equal(err, "skiff: warning: odd\n");
	record(LOG_JSON, true, &debug, &file, &err);
	assert_string_equal(file, "");
}

static void test_json_keys(void **state)
{
	struct log_record r = {
		.level = LOG_ERROR,
		.msg = "m",
		.code = "init",
		.step = "mount.attach",
		.path = "mounts[3]",
		.errno_name = "EPERM",
	};
	char *file, *err;

	(void)state;
	record(LOG_JSON, false, &r, &file, &err);
	assert_non_null(strstr(err, "Z\",\"code\":\"init\",\"step\":\"mount.attach\","
				    "\"path\":\"mounts[3]\",\"errno\":"
				    "\"EPERM\"}\n"));
}

/* Neither a second record nor a command to the terminal can be smuggled in. */
static void test_hostile(void **state)
{
	struct log_record r = { .level = LOG_ERROR,
				.msg = "a\n{\"level\":\"error\"}\033]0;x\007\r\xff" };
	char *file, *err;

	(void)state;
	for (int json = 0; json < 2; json++) {
		record(json ? LOG_JSON : LOG_TEXT, true, &r, &file, &err);
		for (int i = 0; i < 2; i++) {
			char *text = i ? err : file, *newline = strchr(text, '\n');

			assert_non_null(newline);
			assert_int_equal(newline[1], 0);
			assert_null(strpbrk(text, "\033\007\r"));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_json_keys),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("log", tests, setup, teardown);
}
