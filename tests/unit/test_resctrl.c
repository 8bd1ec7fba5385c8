/*
 * Groups of resctrl, from the plan's HOST steps to the kernel's files. A directory stands for the file system: mkdir and
 * rmdir (wrapped by the linker) bring and take a group's files, as the kernel does.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "base/fd.h"
#include "cgroup/resctrl.h"
#include "plan/parts.h"
#include "runtime/container.h"

static const char *const files[] = { "tasks", "schemata" };
static char top[64]; /* the mount */
static struct err e;

int __real_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);

static const char *in(const char *dir, const char *name)
{
	return arena_printf(&arena, "%s/%s", dir, name);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static bool has(const char *dir, const char *name, const char *text)
{
	char *found;
	size_t n;

	return !fd_read_file(AT_FDCWD, in(dir, name), &arena, 4096, &found, &n) &&
	       !strcmp(found, text);
}

static bool is_monitoring(const char *path)
{
	return strstr(path, "/mon_groups/");
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	int r = __real_mkdir(path, mode);

	if (r || strncmp(path, top, strlen(top)) != 0)
		return r;
	put(in(path, "tasks"), "");
	if (is_monitoring(path))
		return 0;
	put(in(path, "schemata"), "");
	return __real_mkdir(in(path, "mon_groups"), 0755);
}

int __wrap_rmdir(const char *path)
{
	if (!strncmp(path, top, strlen(top))) {
		for (size_t i = 0; i < 2; i++)
			unlink(in(path, files[i]));
		__real_rmdir(in(path, "mon_groups"));
	}
	return __real_rmdir(path);
}

static int setup(void **state)
{
	(void)state;
	snprintf(top, sizeof(top), "/tmp/skiff-resctrl-XXXXXX");
	if (arena_init(&arena) || !mkdtemp(top))
		return -1;
	put(in(top, "tasks"), "1\n");
	put(in(top, "schemata"), "    L3:0=fff;1=fff\n    MB:0=100;1=100\n");
	__real_mkdir(in(top, "info"), 0755);
	put(in(top, "info/last_cmd_status"), "ok\n");
	return __real_mkdir(in(top, "mon_groups"), 0755);
}

/* Nothing but the mount's own files may be left. */
static int teardown(void **state)
{
	int r;

	(void)state;
	unlink(in(top, "info/last_cmd_status"));
	__real_rmdir(in(top, "info"));
	r = rmdir(top);
	arena_done(&arena);
	return r;
}

/* --- the steps, carried out for a process --- */

struct made {
	struct plan plan;
	struct apply apply;
	char dir[64]; /* the state directory */
};

static void plan_it(struct made *m, const struct intel_rdt *r)
{
	static struct host host;
	static struct linux_config config;
	static struct spec spec = { .linux_ = &config };
	static const struct plan_opts opts = { .id = "c1" };
	struct build b = {
		.p = &m->plan, .spec = &spec, .host = &host, .opts = &opts, .e = &e
	};

	config.intel_rdt = (struct intel_rdt *)r;
	host.resctrl = top;
	plan_start(&m->plan, &arena, &e);
	assert_int_equal(plan_resctrl_make(&b), 0);
	plan_resctrl_join(&b);
	assert_int_equal(plan_end(&m->plan), 0);
}

static int carry_out(struct made *m, const struct intel_rdt *r)
{
	snprintf(m->dir, sizeof(m->dir), "/tmp/skiff-state-XXXXXX");
	assert_non_null(mkdtemp(m->dir));
	plan_it(m, r);
	apply_init(&m->apply, &m->plan, &arena);
	m->apply.payload = 4711;
	m->apply.slots[SLOT_STATE] = open(m->dir, O_DIRECTORY | O_CLOEXEC);
	return apply_run(&m->apply, &e);
}

static void end(struct made *m)
{
	apply_done(&m->apply);
	unlink(in(m->dir, RESCTRL_NOTE));
	assert_int_equal(__real_rmdir(m->dir), 0);
}

/* What delete does with the record of that. */
static void delete_it(struct made *m, const struct intel_rdt *r, bool made)
{
	struct linux_config config = { .intel_rdt = (struct intel_rdt *)r };
	struct spec spec = { .linux_ = &config };
	struct host host = { .resctrl = top };
	struct container c = { .dir = m->apply.slots[SLOT_STATE], .id = "c1" };

	state_resctrl(&c.state, &spec, &host, "c1", &arena);
	assert_int_equal(container_resctrl_remove(&c, made, &e), 0);
}

static bool exists(const char *name)
{
	return !access(in(top, name), F_OK);
}

/* --- tests --- */

static void test_own(void **state)
{
	struct intel_rdt r = { .l3_cache_schema = "L3:0=f\nMB:0=1",
			       .mem_bw_schema = "MB:0=20",
			       .enable_monitoring = true };
	struct made m = { 0 };

	(void)state;
	assert_int_equal(carry_out(&m, &r), 0);
	assert_true(has(top, "c1/tasks", "4711\n"));
	assert_true(has(top, "c1/mon_groups/c1/tasks", "4711\n"));
	assert_true(has(top, "c1/schemata", "L3:0=f\nMB:0=20\n"));
	assert_true(has(top, "tasks", "1\n"));
	delete_it(&m, &r, true);
	assert_false(exists("c1"));
	end(&m);
}

static void test_schemata(void **state)
{
	struct intel_rdt r = { .schemata = { (char *[]){ "L2:0=3", "L2:1=3" }, 2 } };
	struct made m = { 0 };

	(void)state;
	assert_int_equal(carry_out(&m, &r), 0);
	assert_true(has(top, "c1/schemata", "L2:0=3\nL2:1=3\n"));
	assert_false(exists("c1/mon_groups/c1"));
	delete_it(&m, &r, true);
	end(&m);
}

/* What a killed create has left is taken over; what another container uses is not. */
static void test_own_exists(void **state)
{
	struct intel_rdt r = { .mem_bw_schema = "MB:0=20" };
	struct made m = { 0 };

	(void)state;
	mkdir(in(top, "c1"), 0755);
	assert_int_equal(carry_out(&m, &r), 0);
	assert_true(has(top, "c1/schemata", "MB:0=20\n"));
	end(&m);
	assert_int_equal(carry_out(&m, &r), -1);
	assert_non_null(strstr(e.msg, "another container has the same id"));
	assert_string_equal(e.origin, "linux.intelRdt");
	assert_true(exists("c1"));
	/* Nor does a create that did not come that far remove it. */
	delete_it(&m, &r, false);
	assert_true(exists("c1"));
	end(&m);
	rmdir(in(top, "c1"));
}

/* A class of everybody: the first makes it, the last one removes it. */
static void test_shared(void **state)
{
	struct intel_rdt r = { .clos_id = "gold", .mem_bw_schema = "MB:0=20;1=030" };
	struct made first = { 0 }, second = { 0 };

	(void)state;
	assert_int_equal(carry_out(&first, &r), 0);
	assert_true(has(top, "gold/schemata", "MB:0=20;1=030\n"));
	put(in(top, "gold/schemata"), "    L3:0=00f;1=fff\n    MB:0= 20;1= 30\n");
	assert_int_equal(carry_out(&second, &r), 0);
	delete_it(&second, &r, true);
	assert_true(exists("gold"));
	end(&second);
	delete_it(&first, &r, true); /* its tasks are still there: left */
	assert_true(exists("gold"));
	assert_int_equal(symlink(in(top, "gold"), in(first.dir, RESCTRL_NOTE)), 0);
	put(in(top, "gold/tasks"), "");
	delete_it(&first, &r, true);
	assert_false(exists("gold"));
	end(&first);
}

static void test_shared_differs(void **state)
{
	static const struct {
		const char *has, *wish;
		int result;
	} cases[] = {
		{ "    L3:0=00f;1=fff\n", "L3:0=F", 0 },
		{ "    L3:0=00f;1=fff\n", "L3:1=fff;0=f", 0 },
		{ "    L3:0=00f;1=fff\n", "L3:0=ff", -1 },
		{ "    L3:0=00f;1=fff\n", "L3:2=f", -1 },
		{ "    L3:0=00f;1=fff\n", "L2:0=f", -1 },
		{ "    L3:0=00f;1=fff\n", "L3", -1 },
		{ "    L3:0=00f;1=fff\n    MB:0=100\n", "MB:0=100", 0 },
		{ "", "L3:0=f", -1 },
	};
	struct intel_rdt r = { .clos_id = "gold" };

	(void)state;
	mkdir(in(top, "gold"), 0755);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct made m = { 0 };

		put(in(top, "gold/schemata"), cases[i].has);
		r.l3_cache_schema = (char *)cases[i].wish;
		assert_int_equal(carry_out(&m, &r), cases[i].result);
		assert_true(has(top, "gold/schemata", cases[i].has));
		if (cases[i].result)
			assert_non_null(strstr(e.msg, "has other schemata than"));
		end(&m);
	}
	rmdir(in(top, "gold"));
}

static void test_existing(void **state)
{
	struct intel_rdt r = { .clos_id = "gold", .enable_mbm = true };
	struct made m = { 0 };

	(void)state;
	assert_int_equal(carry_out(&m, &r), -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_string_equal(e.origin, "linux.intelRdt.closID");
	assert_string_equal(e.step, "resctrl.make");
	end(&m);
	mkdir(in(top, "gold"), 0755);
	assert_int_equal(carry_out(&m, &r), 0);
	assert_true(has(top, "gold/tasks", "4711\n"));
	assert_true(has(top, "gold/schemata", ""));
	assert_true(has(top, "gold/mon_groups/c1/tasks", "4711\n"));
	put(in(top, "gold/tasks"), "");
	delete_it(&m, &r, true);
	assert_true(exists("gold"));
	assert_false(exists("gold/mon_groups/c1"));
	end(&m);
	rmdir(in(top, "gold"));
}

static void test_default_class(void **state)
{
	struct intel_rdt r = { .clos_id = "/", .enable_monitoring = true };
	struct made m = { 0 };

	(void)state;
	assert_int_equal(carry_out(&m, &r), 0);
	assert_true(has(top, "mon_groups/c1/tasks", "4711\n"));
	delete_it(&m, &r, true);
	assert_false(exists("mon_groups/c1"));
	put(in(top, "tasks"), "1\n");
	end(&m);
}

/* The kernel's own words are quoted, and nothing is left. */
static void test_refused(void **state)
{
	struct intel_rdt r = { .mem_bw_schema = "MB:0=20" };
	struct made m = { 0 };

	(void)state;
	put(in(top, "info/last_cmd_status"), "invalid domain 0\n");
	mkdir(in(top, "c1"), 0755);
	unlink(in(top, "c1/schemata"));
	assert_int_equal(carry_out(&m, &r), -1);
	assert_non_null(strstr(e.msg, "(the kernel says: invalid domain 0)"));
	assert_false(exists("c1"));
	end(&m);
	put(in(top, "info/last_cmd_status"), "ok\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own),
		cmocka_unit_test(test_schemata),
		cmocka_unit_test(test_own_exists),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_shared_differs),
		cmocka_unit_test(test_existing),
		cmocka_unit_test(test_default_class),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
