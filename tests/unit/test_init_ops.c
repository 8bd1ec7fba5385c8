/*
 * The init program's operations, built against the libc: what can be tried without
 * privileges. Paths inside a hostile root (with openat2 and without), mount points,
 * nodes, the program search, HOME, the filter interpreter, the words on the socket, and
 * that both tables are complete.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "apply/parts.h"
#include "init/files.h"

#ifndef AT_FDCWD
#define AT_FDCWD -100
#endif

enum { STEPS = 4, SLOTS = SLOT_DYNAMIC + 2, STRINGS = 4096, POINTERS = 16 };

/* A flat plan of some steps, and a root directory. */
struct fixture {
	struct {
		struct plan_flat flat;
		struct step steps[STEPS];
		int32_t slots[SLOTS];
		char strings[STRINGS];
		char *scratch[POINTERS];
	} plan;
	uint32_t used;
	char root[64];
	struct init c;
};

static uint32_t put(struct fixture *f, const char *s)
{
	uint32_t at = f->used;

	strcpy(f->plan.strings + at, s);
	f->used += (uint32_t)strlen(s) + 1;
	return at;
}

static struct step *first(struct fixture *f, enum op op, const char *s)
{
	struct step *step = &f->plan.steps[0];

	*step = (struct step){ .op = op, .slot = { -1, -1 }, .str = { put(f, s) } };
	f->c.step = step;
	return step;
}

static void make_dir(struct fixture *f, const char *name)
{
	assert_int_equal(mkdirat(f->c.slots[SLOT_ROOTFS], name, 0755), 0);
}

static void make_file(struct fixture *f, const char *name, mode_t mode)
{
	int fd = openat(f->c.slots[SLOT_ROOTFS], name, O_WRONLY | O_CREAT | O_EXCL, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void make_link(struct fixture *f, const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, f->c.slots[SLOT_ROOTFS], name), 0);
}

static bool exists(struct fixture *f, const char *name)
{
	return !faccessat(f->c.slots[SLOT_ROOTFS], name, F_OK, AT_SYMLINK_NOFOLLOW);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct plan_flat *flat = &f->plan.flat;

	*flat = (struct plan_flat){
		.magic = PLAN_MAGIC,
		.version = PLAN_VERSION,
		.size = sizeof(f->plan),
		.n_steps = STEPS,
		.n_slots = SLOTS,
		.first_free = 500,
		.n_scratch = sizeof(f->plan.scratch),
		.scratch = (uint32_t)((char *)f->plan.scratch - (char *)&f->plan),
	};
	f->used = 1;
	strcpy(f->root, "/tmp/skiff-init-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	for (int i = 0; i < SLOTS; i++)
		f->plan.slots[i] = -1;
	f->c.flat = flat;
	f->c.steps = f->c.step = f->plan.steps;
	f->c.slots = f->plan.slots;
	f->c.strings = f->plan.strings;
	f->c.made_in = f->c.mask_spare[0] = f->c.mask_spare[1] = -1;
	f->plan.slots[SLOT_ROOTFS] = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	for (int i = 0; i < SLOTS; i++)
		if (f->plan.slots[i] >= 0)
			close(f->plan.slots[i]);
	snprintf(command, sizeof(command), "rm -rf %s", f->root);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* --- tables --- */

static void test_tables(void **state)
{
	(void)state;
	for (int op = 1; op < OP_COUNT; op++) {
		enum who who = op_info((enum op)op)->who;

		assert_int_equal(!!(who & WHO_INIT), init_ops[op] != NULL);
		assert_int_equal(!!(who & WHO_HOST), host_op_of((enum op)op) != NULL);
	}
}

/* --- text --- */

static void test_text(void **state)
{
	char to[FD_PATH_SIZE];
	uint64_t n;

	(void)state;
	text_fd_path(to, 0);
	assert_string_equal(to, "/proc/self/fd/0");
	text_fd_path(to, INT32_MAX);
	assert_string_equal(to, "/proc/self/fd/2147483647");
	assert_true(text_number("4294967295", UINT32_MAX, &n) && n == UINT32_MAX);
	assert_false(text_number("4294967296", UINT32_MAX, &n));
	assert_false(text_number("", 10, &n));
	assert_false(text_number("-1", 10, &n));
	assert_int_equal(text_add(to, 4, 0, "abc"), 3);
	assert_int_equal(text_add(to, 4, 0, "abcd"), 4);
	assert_int_equal(path_dir_len("/dev/pts"), 4);
	assert_true(path_in_dir("/dev/shm", "/dev/pts", path_dir_len("/dev/pts")));
	assert_false(path_in_dir("/dev/pts/x", "/dev/pts", path_dir_len("/dev/pts")));
}

/* --- paths --- */

static void hostile_root(struct fixture *f)
{
	make_dir(f, "real");
	make_dir(f, "real/sub");
	make_link(f, "/etc", "abs");
	make_link(f, "../../../../etc", "dots");
	make_link(f, "real", "rel");
	make_link(f, "/nowhere/at/all", "dangling");
	make_link(f, "loop", "loop");
}

static void test_links_stay_inside(void **state)
{
	struct fixture *f = *state;
	int root = f->c.slots[SLOT_ROOTFS], fd;

	hostile_root(f);
	fd = path_open(&f->c, root, "/rel/sub", O_PATH, 0);
	if (fd == -ENOSYS || f->c.no_openat2)
		skip();
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(path_open(&f->c, root, "/abs/passwd", O_PATH, 0), -ENOENT);
	assert_int_equal(path_open(&f->c, root, "/dots/passwd", O_PATH, 0), -ENOENT);
	assert_int_equal(path_open(&f->c, root, "/../../etc/passwd", O_PATH, 0), -ENOENT);
	assert_int_equal(path_open(&f->c, root, "/loop", O_PATH, 0), -ELOOP);
}

static void test_walk_refuses_links(void **state)
{
	struct fixture *f = *state;
	int root = f->c.slots[SLOT_ROOTFS], fd;

	f->c.no_openat2 = true;
	hostile_root(f);
	fd = path_open(&f->c, root, "//real///sub/", O_PATH, 0);
	assert_true(fd >= 0);
	assert_int_equal(path_type(fd), S_IFDIR);
	close(fd);
	fd = path_open(&f->c, root, "/", O_PATH, 0);
	assert_true(fd >= 0);
	close(fd);
	assert_true(path_open(&f->c, root, "/rel/sub", O_PATH, 0) < 0);
	assert_int_equal(path_open(&f->c, root, "/abs", O_PATH, 0), -ELOOP);
	assert_int_equal(path_open(&f->c, root, "/real/../real", O_PATH, 0), -EXDEV);
	assert_int_equal(path_open(&f->c, root, "/real/none", O_PATH, 0), -ENOENT);
}

static void make_targets(struct fixture *f)
{
	struct step *s;

	s = first(f, OP_TARGET, "/rel/a/b");
	if (f->c.no_openat2)
		s = first(f, OP_TARGET, "/real/a/b");
	s->word[0] = 0755;
	s->flags = STEP_DIR;
	assert_int_equal(op_target(&f->c, s), 0);
	assert_true(exists(f, "real/a/b"));
	s = first(f, OP_TARGET, "/real/a/c");
	s->word[0] = 0755;
	s->flags = STEP_DIR;
	assert_int_equal(op_target(&f->c, s), 0);
	assert_true(exists(f, "real/a/c"));
	s = first(f, OP_TARGET, "/real/new/file");
	s->word[0] = 0755;
	s->flags = STEP_FILE;
	assert_int_equal(op_target(&f->c, s), 0);
	assert_int_equal(path_type(fds_slot(&f->c, SLOT_TARGET)), S_IFREG);
	assert_string_equal(str(&f->c, s->str[0]), "/real/new/file");
}

static void test_targets(void **state)
{
	struct fixture *f = *state;
	struct step *s;

	hostile_root(f);
	make_targets(f);
	s = first(f, OP_TARGET, "/dangling");
	s->flags = STEP_DIR;
	assert_true(op_target(&f->c, s) < 0);
	assert_true(access("/nowhere", F_OK) < 0);
	s = first(f, OP_TARGET, "/rel");
	s->flags = STEP_DIR | STEP_NO_SYMLINK;
	assert_int_equal(op_target(&f->c, s), -ELOOP);
	s = first(f, OP_TARGET, "/missing/../../x");
	s->flags = STEP_DIR;
	assert_true(op_target(&f->c, s) < 0);
}

static void test_targets_without_openat2(void **state)
{
	struct fixture *f = *state;

	f->c.no_openat2 = true;
	hostile_root(f);
	make_targets(f);
}

static void test_target_like_source(void **state)
{
	struct fixture *f = *state;
	struct step *s = first(f, OP_TARGET, "/from/file");

	make_file(f, "source", 0644);
	fds_set(&f->c, SLOT_DYNAMIC,
		openat(f->c.slots[SLOT_ROOTFS], "source", O_PATH | O_CLOEXEC));
	s->slot[1] = SLOT_DYNAMIC;
	s->flags = STEP_LIKE;
	s->word[0] = 0755;
	assert_int_equal(op_target(&f->c, s), 0);
	assert_int_equal(path_type(fds_slot(&f->c, SLOT_TARGET)), S_IFREG);
}

/* --- nodes --- */

static void test_existing_nodes(void **state)
{
	struct fixture *f = *state;
	struct step *s = first(f, OP_NODE, "null");
	int root = f->c.slots[SLOT_ROOTFS];

	s->slot[0] = SLOT_ROOTFS;
	s->word[0] = S_IFCHR | 0666;
	s->word[1] = makedev(1, 3);
	make_file(f, "null", 0666);
	assert_int_equal(op_node(&f->c, s), -EEXIST);
	assert_int_equal(unlinkat(root, "null", 0), 0);
	make_link(f, "/dev/null", "null"); /* the host's, by a link: not the same */
	assert_int_equal(op_node(&f->c, s), -EEXIST);
	s = first(f, OP_NODE, "/dir/fifo");
	s->slot[0] = SLOT_ROOTFS;
	s->word[0] = S_IFIFO | 0600;
	assert_int_equal(op_node(&f->c, s), 0);
	assert_int_equal(op_node(&f->c, s), 0);
	assert_int_equal(path_place(&f->c, root, "null"), -EEXIST);
}

/* --- program --- */

static void test_find(void **state)
{
	struct fixture *f = *state;
	struct step *s = first(f, OP_FIND, "prog");
	char path[256];

	make_dir(f, "a");
	make_dir(f, "b");
	snprintf(path, sizeof(path), "%s/none:%s/a:%s/b", f->root, f->root, f->root);
	s->str[1] = put(f, path);
	assert_int_equal(op_find(&f->c, s), -ENOENT);
	make_file(f, "a/prog", 0644);
	assert_int_equal(op_find(&f->c, s),
			 -EACCES); /* says more than "not found" in b */
	make_file(f, "b/prog", 0755);
	assert_int_equal(op_find(&f->c, s), 0);
	snprintf(path, sizeof(path), "%s/b/prog", f->root);
	assert_string_equal(f->c.program, path);
	s = first(f, OP_FIND, "/");
	assert_int_equal(op_find(&f->c, s), -EISDIR);
	s = first(f, OP_FIND, "");
	assert_int_equal(op_find(&f->c, s), -ENOENT);
}

static void test_exec_prepare(void **state)
{
	struct fixture *f = *state;
	struct step *s = first(f, OP_EXEC, "prog");
	char **v = f->plan.scratch;
	struct report r;
	int talk[2];

	put(f, "arg");
	s->str[1] = put(f, "A=b");
	s->word[0] = 2;
	s->word[1] = 1;
	s->word[2] = 1000000; /* closes nothing of the test's */
	strcpy(f->c.home, "HOME=/x");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk), 0);
	fds_set(&f->c, SLOT_TALK, talk[0]);
	assert_int_equal(exec_prepare(&f->c, s), 0);
	assert_string_equal(v[0], "prog");
	assert_string_equal(v[1], "arg");
	assert_null(v[2]);
	assert_string_equal(v[3], "A=b");
	assert_string_equal(v[4], "HOME=/x");
	assert_null(v[5]);
	assert_int_equal(read(talk[1], &r, sizeof(r)), sizeof(r));
	assert_int_equal(r.what, SYNC_EXEC);
	f->c.ready = false;
	s->word[1] = POINTERS;
	assert_int_equal(exec_prepare(&f->c, s), -E2BIG);
	close(talk[1]);
}

/* --- home --- */

static const char *home_of(const char *passwd, uint32_t uid, size_t chunk)
{
	static char home[16];
	struct home_scan h = { .uid = uid, .to = home, .size = sizeof(home) };

	for (size_t at = 0, n = strlen(passwd); at < n && !h.found; at += chunk)
		home_feed(&h, passwd + at, n - at < chunk ? n - at : chunk);
	return h.found ? home : NULL;
}

static void test_home(void **state)
{
	static const char passwd[] =
		"root:x:0:0:root:/root:/bin/sh\nshort:x:7\nevil:x:4294967297:1::/evil:\n"
		"long:x:8:8::/0123456789abcdef:/x\nneg:x:-5:5::/neg:\nhex:x:0x9:9::/"
		"hex:\n"
		"plus:x:+9:9::/plus:\nok:x:9:9::/ok:/bin/sh\nlast:x:10:10::/last\n";

	(void)state;
	for (size_t chunk = 1; chunk < 40; chunk += 3) {
		assert_string_equal(home_of(passwd, 0, chunk), "/root");
		assert_string_equal(home_of(passwd, 9, chunk), "/ok");
		assert_string_equal(home_of(passwd, 10, chunk), "/last");
		assert_null(home_of(passwd, 1, chunk));
		assert_null(home_of(passwd, 7, chunk));
		assert_null(home_of(passwd, 8, chunk));
	}
}

/* --- filter --- */

static void test_filter(void **state)
{
	const struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K,
						      SECCOMP_RET_ALLOW) };
	const struct sock_filter one[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 56, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 10, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 7),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const uint64_t low[6] = { 0, 9 }, high[6] = { 0, 10 };

	(void)state;
	assert_int_equal(bpf_answer(allow, 1, 1, low), SECCOMP_RET_ALLOW);
	assert_int_equal(bpf_answer(one, 6, 56, low), SECCOMP_RET_ALLOW);
	assert_int_equal(bpf_answer(one, 6, 56, high), SECCOMP_RET_ERRNO | 7);
	assert_int_equal(bpf_answer(one, 6, 57, high), SECCOMP_RET_ALLOW);
	assert_int_equal(bpf_answer(one, 4, 57, high),
			 SECCOMP_RET_KILL_PROCESS); /* runs out */
	assert_int_equal(bpf_answer(NULL, 0, 57, high), SECCOMP_RET_KILL_PROCESS);
}

/* --- words --- */

static void expect_words(struct fixture *f, int talk, int error, const char *words)
{
	char text[64];
	struct report r;
	struct err e;

	talk_fail(&f->c, 0, error);
	assert_int_equal(talk_read(talk, &r, text, sizeof(text), NULL, &e), 1);
	assert_int_equal(r.what, 0);
	assert_int_equal(talk_failure(NULL, &r, text, &e), -1);
	assert_string_equal(e.origin, "process.args[0]");
	assert_string_equal(e.msg, words);
	assert_int_equal(e.errnum, error);
}

static void test_words(void **state)
{
	struct fixture *f = *state;
	struct step *s = first(f, OP_FIND, "prog");
	int talk[2];

	s->origin = put(f, "process.args[0]");
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk), 0);
	fds_set(&f->c, SLOT_TALK, talk[0]);
	expect_words(f, talk[1], ENOENT,
		     "exec: \"prog\": executable file not found in $PATH");
	expect_words(f, talk[1], EACCES, "exec: \"prog\": permission denied");
	s->op = OP_EXEC;
	s->str[0] = put(f, "/bin/x");
	expect_words(f, talk[1], ENOENT,
		     "exec: \"/bin/x\": no such file or directory (its interpreter or "
		     "loader is missing in the container)");
	f->c.detail = "because";
	s->op = OP_FS;
	s->str[0] = put(f, "tmpfs");
	expect_words(f, talk[1], EINVAL,
		     "file system \"tmpfs\": Invalid argument (because)");
	close(talk[1]);
}

static void test_wait(void **state)
{
	struct fixture *f = *state;
	struct step *s = first(f, OP_WAIT, "");
	uint8_t go = SYNC_GO;
	int talk[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk), 0);
	fds_set(&f->c, SLOT_TALK, talk[0]);
	s->word[0] = SYNC_GO;
	assert_int_equal(write(talk[1], &go, 1), 1);
	assert_int_equal(op_wait(&f->c, s), 0);
	s->word[0] = SYNC_MAPPED;
	assert_int_equal(write(talk[1], &go, 1), 1);
	assert_int_equal(op_wait(&f->c, s), -EPROTO);
	close(talk[1]);
	assert_int_equal(op_wait(&f->c, s), -EPIPE);
}

/* A plan that is none: refused before anything is done. */
static void test_no_plan(void **state)
{
	char *argv[] = { "skiff-init", "0", "100000000000", NULL };
	char *few[] = { "skiff-init", NULL };

	(void)state;
	assert_int_equal(init_main(1, few), 2);
	assert_int_equal(init_main(3, argv), 2);
	argv[2] = "8";
	assert_int_equal(init_main(3, argv), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_text),
		cmocka_unit_test_setup_teardown(test_links_stay_inside, setup, teardown),
		cmocka_unit_test_setup_teardown(test_walk_refuses_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_targets_without_openat2, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_target_like_source, setup, teardown),
		cmocka_unit_test_setup_teardown(test_existing_nodes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_find, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exec_prepare, setup, teardown),
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_filter),
		cmocka_unit_test_setup_teardown(test_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test(test_no_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
