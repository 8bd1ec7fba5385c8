/* Descriptors and small files: bounds, wrong kinds of file, replacement. */
#include "test.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"

static char dir[64];
static int dirfd_;

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/skiff-fd-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	dirfd_ = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dirfd_ < 0 ? -1 : arena_init(&arena);
}

static int teardown(void **state)
{
	static const char *const names[] = { "a", "a.tmp", "fifo", "big", "link" };

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++)
		unlinkat(dirfd_, names[i], 0);
	unlinkat(dirfd_, "sub", AT_REMOVEDIR);
	fd_close(&dirfd_);
	arena_done(&arena);
	return rmdir(dir);
}

static void test_close(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), other;

	(void)state;
	other = fd_take(&fd);
	assert_int_equal(fd, -1);
	errno = EXDEV;
	fd_close(&fd);
	fd_close(&other);
	assert_int_equal(other, -1);
	assert_int_equal(errno, EXDEV);
}

static void test_read_file(void **state)
{
	char *p;
	size_t n;

	(void)state;
	assert_int_equal(fd_replace_file(dirfd_, "a", "hello", 5, 0600), 0);
	assert_int_equal(fd_read_file(dirfd_, "a", &arena, 5, &p, &n), 0);
	assert_int_equal(n, 5);
	assert_string_equal(p, "hello");
	assert_int_equal(fd_read_file(dirfd_, "a", &arena, 4, &p, &n), -EFBIG);
	assert_int_equal(fd_read_file(dirfd_, "none", &arena, 4, &p, &n), -ENOENT);
	assert_int_equal(fd_read_file(dirfd_, ".", &arena, 4, &p, &n), -EISDIR);
	assert_int_equal(mkfifoat(dirfd_, "fifo", 0600), 0);
	/* Nobody writes to it: must not wait. */
	assert_int_equal(fd_read_file(dirfd_, "fifo", &arena, 4, &p, &n), -EINVAL);
	assert_int_equal(fd_read_file(AT_FDCWD, "/dev/zero", &arena, 4, &p, &n), -EINVAL);
}

/* The sizes around the steps of growth. */
static void test_read_all(void **state)
{
	static const size_t sizes[] = { 0,      1,      32767,  32768,  32769,
					131071, 131072, 131073, 1000000 };

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		char *data = arena_alloc(&arena, sizes[i] + 1), *p;
		size_t n = 0;

		for (size_t k = 0; k < sizes[i]; k++)
			data[k] = (char)(k * 7 + 1);
		assert_int_equal(fd_replace_file(dirfd_, "big", data, sizes[i], 0600), 0);
		auto_fd fd = openat(dirfd_, "big", O_RDONLY | O_CLOEXEC);

		assert_int_equal(fd_read_all(fd, &arena, 1 << 20, &p, &n), 0);
		assert_int_equal(n, sizes[i]);
		assert_memory_equal(p, data, n);
		assert_int_equal(p[n], 0);
	}
}

/* Files without an end and without a size. */
static void test_endless(void **state)
{
	auto_fd zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	char *p;
	size_t n;

	(void)state;
	assert_int_equal(fd_read_all(zero, &arena, 100000, &p, &n), -EFBIG);
	assert_int_equal(fd_read_all(zero, &arena, 0, &p, &n), -EFBIG);
	assert_int_equal(
		fd_read_file(AT_FDCWD, "/proc/self/status", &arena, 65536, &p, &n), 0);
	assert_true(n > 100);
}

static void test_read_line(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(fd_replace_file(dirfd_, "a", "max\n\n", 5, 0600), 0);
	assert_int_equal(fd_read_line(dirfd_, "a", buf, sizeof(buf)), 3);
	assert_string_equal(buf, "max");
	assert_int_equal(fd_replace_file(dirfd_, "a", "0123456789", 10, 0600), 0);
	assert_int_equal(fd_read_line(dirfd_, "a", buf, sizeof(buf)), 7);
	assert_string_equal(buf, "0123456");
	assert_int_equal(fd_read_line(dirfd_, "none", buf, sizeof(buf)), -ENOENT);
}

/* How many files the directory has. */
static int entries(void)
{
	DIR *d = fdopendir(openat(dirfd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	int n = -2; /* "." and ".." */

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_write(void **state)
{
	char buf[8];

	(void)state;
	assert_int_equal(fd_write_file(dirfd_, "none", "x", 1), -ENOENT);
	assert_int_equal(fd_replace_file(dirfd_, "a", "old", 3, 0640), 0);
	assert_int_equal(fd_write_file(dirfd_, "a", "new", 3), 0);
	assert_int_equal(fd_read_line(dirfd_, "a", buf, sizeof(buf)), 3);
	assert_string_equal(buf, "new");
	assert_int_equal(entries(), 1);
	assert_int_equal(mkdirat(dirfd_, "sub", 0700), 0);
	assert_int_equal(fd_replace_file(dirfd_, "sub", "x", 1, 0600), -EISDIR);
	assert_int_equal(entries(), 2);
	/* What others read meanwhile is the old file or the new one, never a link's target. */
	assert_int_equal(symlinkat("a", dirfd_, "link"), 0);
	assert_int_equal(fd_replace_file(dirfd_, "link", "x", 1, 0600), 0);
	assert_int_equal(fd_read_line(dirfd_, "a", buf, sizeof(buf)), 3);
}

static void test_close_all(void **state)
{
	int fds[7] = { -1, 0, 0, -1, 0, 0, -1 }, open_too;
	static const int order[] = { 5, 1, 4, 2 };

	(void)state;
	for (int i = 0; i < 4; i++)
		fds[order[i]] = dup(dirfd_);
	open_too = fds[4];
	fds[4] = -1;
	fd_close_all(fds, 7);
	for (int i = 0; i < 7; i++)
		assert_true(fds[i] < 0 || fcntl(fds[i], F_GETFD) < 0);
	assert_true(fcntl(open_too, F_GETFD) >= 0);
	close(open_too);
}

static void test_write_all(void **state)
{
	int pipes[2];
	char buf[8];

	(void)state;
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(pipes[1], "abc", 3), 0);
	assert_int_equal(read(pipes[0], buf, sizeof(buf)), 3);
	assert_int_equal(fd_write_all(pipes[0], "abc", 3), -EBADF);
	close(pipes[0]);
	close(pipes[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_close, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_close_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_all, setup, teardown),
	};

	return cmocka_run_group_tests_name("fd", tests, NULL, NULL);
}
