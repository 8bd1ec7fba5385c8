/* Messages with descriptors: one is taken, no other is kept, whatever comes. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/packet.h"

static int pair[2];

static int setup(void **state)
{
	(void)state;
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair);
}

static int teardown(void **state)
{
	(void)state;
	fd_close(&pair[0]);
	fd_close(&pair[1]);
	return 0;
}

/* The lowest free number: leaks show. */
static int lowest(void)
{
	auto_fd fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd;
}

static ssize_t receive(char *text, size_t n, int *ret_fd)
{
	const struct iovec part = { text, n };

	return packet_receive(pair[1], &part, 1, ret_fd);
}

static void test_descriptor(void **state)
{
	char text[8];
	int fd = 99;

	(void)state;
	assert_int_equal(packet_send(pair[0], "none", 4, -1), 0);
	assert_int_equal(receive(text, sizeof(text), &fd), 4);
	assert_memory_equal(text, "none", 4);
	assert_int_equal(fd, -1);
	assert_int_equal(packet_send(pair[0], "one", 3, STDIN_FILENO), 0);
	assert_int_equal(receive(text, sizeof(text), &fd), 3);
	assert_true(fd > STDIN_FILENO);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	fd_close(&fd);
}

static void test_not_taken(void **state)
{
	char text[8];
	int before = lowest();

	(void)state;
	packet_send(pair[0], "x", 1, STDIN_FILENO);
	assert_int_equal(receive(text, sizeof(text), NULL), 1);
	assert_int_equal(lowest(), before);
}

/* More descriptors than there is room for, by a sender that is not ours. */
static void test_many(void **state)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(3 * sizeof(int))];
	} control = { .head = { CMSG_LEN(3 * sizeof(int)), SOL_SOCKET, SCM_RIGHTS } };
	struct iovec part = { (char[]){ "x" }, 1 };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = &control,
			    .msg_controllen = sizeof(control) };
	char text[8];
	int before = lowest(), fd;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		memcpy(CMSG_DATA(&control.head) + i * sizeof(int), &pair[0], sizeof(int));
	assert_int_equal(sendmsg(pair[0], &m, 0), 1);
	assert_int_equal(receive(text, sizeof(text), &fd), 1);
	assert_true(fd >= 0);
	fd_close(&fd);
	assert_int_equal(lowest(), before);
}

static void test_too_long(void **state)
{
	char text[4];
	int before = lowest(), fd = 99;

	(void)state;
	packet_send(pair[0], "longer", 6, STDIN_FILENO);
	assert_int_equal(receive(text, sizeof(text), &fd), -EMSGSIZE);
	assert_int_equal(fd, -1);
	assert_int_equal(lowest(), before);
}

static void test_end(void **state)
{
	char text[4];
	int fd;

	(void)state;
	/* Unread bytes of ours make it ECONNRESET first. */
	packet_send(pair[1], "unread", 6, -1);
	packet_send(pair[0], "last", 4, -1);
	fd_close(&pair[0]);
	assert_int_equal(receive(text, sizeof(text), &fd), 4);
	assert_int_equal(receive(text, sizeof(text), &fd), 0);
	assert_int_equal(packet_send(pair[1], "x", 1, -1), -EPIPE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
