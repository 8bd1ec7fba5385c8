/*
 * Seccomp: the compiled program against the profile, for random calls and random
 * profiles; against libseccomp's own program; and the cache with everything that can be
 * wrong with a file.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/apply.h"
#include "apply/seccomp.h"
#include "base/fd.h"
#include "spec/spec.h"

static char dir[64];

struct compiled {
	struct sc_profile p;
	struct sc_tables t;
	struct sock_filter *f;
	uint32_t n;
	const char *canonical;
	size_t size;
};

static struct seccomp *load(const char *seccomp, struct err *e)
{
	char *text = arena_printf(&arena,
				  "{\"ociVersion\":\"1.0.2\",\"linux\":{\"seccomp\":%s}}",
				  quotes(&arena, seccomp));
	struct spec s;

	if (spec_load(text, strlen(text), "test", &arena, NULL, &s, e))
		fail_msg("%s: %s", seccomp, e->msg);
	return s.linux_->seccomp;
}

static struct compiled *compile_profile(const struct seccomp *s)
{
	struct compiled *c = arena_new(&arena, struct compiled);
	struct err e = { 0 };
	struct buf b;

	buf_init(&b, &arena, 16 << 20);
	if (seccomp_canonical(s, &b, &e) || sc_parse(b.p, b.len, &arena, &c->p, &e) ||
	    sc_resolve(&c->p, &arena, &c->t, &e) ||
	    sc_emit(&c->p, &c->t, &arena, &c->f, &c->n, &e) ||
	    sc_verify(&c->p, &c->t, c->f, c->n, &e))
		fail_msg("%s", e.msg);
	c->canonical = b.p;
	c->size = b.len;
	return c;
}

static struct compiled *compile(const char *seccomp)
{
	struct err e = { 0 };

	return compile_profile(load(seccomp, &e));
}

static uint32_t ask(const struct compiled *c, uint32_t arch, const char *name,
		    uint64_t a0, uint64_t a1)
{
	uint32_t token = arch == AUDIT_ARCH_X86_64 ? SCMP_ARCH_X86_64 : arch;
	struct seccomp_data d = { .nr = seccomp_syscall_resolve_name_arch(token, name),
				  .arch = arch,
				  .args = { a0, a1 } };
	uint32_t got, want = sc_reference(&c->p, &c->t, &d);

	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, want);
	return got;
}

/* The architectures of the machines that run this: the names are the same for all. */
static uint32_t native(void)
{
	return seccomp_arch_native();
}

static void test_simple(void **state)
{
	struct compiled *c = compile(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		"{'names':['read','nosuchcall'],'action':'SCMP_ACT_ALLOW'},"
		"{'names':['kill'],'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':"
		"9,'op':'SCMP_CMP_NE'}]},"
		"{'names':['tkill'],'action':'SCMP_ACT_TRACE','errnoRet':77},"
		"{'names':['mmap'],'action':'SCMP_ACT_ERRNO','errnoRet':99}]}");
	struct seccomp_data d = { .nr = 5000, .arch = native() };
	uint32_t got;

	(void)state;
	assert_int_equal(ask(c, native(), "read", 1, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "write", 1, 2), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "kill", 1, 9), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "kill", 1, 9 + (1ull << 32)),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "tkill", 1, 9), SECCOMP_RET_TRACE | 77);
	assert_int_equal(ask(c, native(), "mmap", 1, 9), SECCOMP_RET_ERRNO | 99);
	/* Newer than the profile: not implemented. Another architecture: the end. */
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_ERRNO | ENOSYS);
	d.arch = AUDIT_ARCH_IA64;
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_KILL_PROCESS);
	d = (struct seccomp_data){ .nr = -1, .arch = native() };
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_ERRNO | EPERM);
}

static void test_several_rules(void **state)
{
	struct compiled *c = compile(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		"{'names':['setns'],'action':'SCMP_ACT_ALLOW'},"
		"{'names':['setns'],'action':'SCMP_ACT_ERRNO','errnoRet':22},"
		"{'names':['dup'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':5,"
		"'op':'SCMP_CMP_LE'}]},"
		"{'names':['dup'],'action':'SCMP_ACT_TRAP','args':[{'index':0,'value':3,'"
		"op':'SCMP_CMP_EQ'}]},"
		"{'names':['kill'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':"
		"1,'op':'SCMP_CMP_EQ'},"
		"{'index':1,'value':2,'op':'SCMP_CMP_EQ'}]},"
		"{'names':['flock'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':"
		"1,'op':'SCMP_CMP_EQ'},"
		"{'index':0,'value':2,'op':'SCMP_CMP_EQ'}]}]}");

	(void)state;
	assert_int_equal(ask(c, native(), "setns", 0, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "dup", 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "dup", 3, 0), SECCOMP_RET_TRAP);
	assert_int_equal(ask(c, native(), "dup", 6, 0), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "kill", 1, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "kill", 1, 3), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "flock", 1, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "flock", 2, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "flock", 3, 0), SECCOMP_RET_ERRNO | EPERM);
}

/* Two 64-bit comparisons that differ in one word only: what GHSA-4q85-33p6-j5g6 is
 * about. */
static void test_words(void **state)
{
	struct compiled *c = compile(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		"{'names':['lseek'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':"
		"4294967297,'op':'SCMP_CMP_GT'}]},"
		"{'names':['lseek'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':"
		"8589934593,'op':'SCMP_CMP_EQ'}]},"
		"{'names':['lseek'],'action':'SCMP_ACT_ALLOW','args':[{'index':1,'value':"
		"4294967297,'op':'SCMP_CMP_LT'}]}]}");

	(void)state;
	if (!c->t.v[0].wide)
		skip();
	assert_int_equal(ask(c, native(), "lseek", 0x100000001, ~0ull),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "lseek", 0x100000002, ~0ull),
			 SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "lseek", 1, ~0ull), SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "lseek", 0xffffffff, 0x100000001),
			 SECCOMP_RET_ERRNO | EPERM);
	assert_int_equal(ask(c, native(), "lseek", 0, 0x100000000), SECCOMP_RET_ALLOW);
	assert_int_equal(ask(c, native(), "lseek", 0, 0xffffffffff),
			 SECCOMP_RET_ERRNO | EPERM);
}

static void test_x86(void **state)
{
	struct compiled *c = compile("{'defaultAction':'SCMP_ACT_ERRNO','architectures':["
				     "'SCMP_ARCH_X86_64','SCMP_ARCH_X86'],"
				     "'syscalls':[{'names':['socket','shmat','read'],'"
				     "action':'SCMP_ACT_ALLOW'}]}");
	struct seccomp_data d = { .nr = 102, .arch = AUDIT_ARCH_I386, .args = { 1 } };
	uint32_t got;

	(void)state;
	if (native() != SCMP_ARCH_X86_64)
		skip();
	/* socketcall(SYS_SOCKET), the direct call, and another socketcall */
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_ALLOW);
	d.args[0] = 2;
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_ERRNO | EPERM);
	d.nr = 359;
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_ALLOW);
	d.nr = 397;
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_ALLOW);
	/* x32 is not named: its calls end the process. */
	d = (struct seccomp_data){ .nr = 0x40000000, .arch = AUDIT_ARCH_X86_64 };
	assert_true(sc_run(c->f, c->n, &d, &got));
	assert_int_equal(got, SECCOMP_RET_KILL_PROCESS);
}

/* --- random profiles --- */

static const char *const names[] = {
	"read",  "write",       "kill",   "socket", "shmat", "clone", "mmap",
	"ioctl", "openat",      "setns",  "accept", "bind",  "futex", "prctl",
	"fcntl", "personality", "execve", "msgget", "semop", "nosuch"
};
static const uint64_t values[] = { 0,          1,           2,           9,
				   0xffffffff, 0x100000000, 0x100000001, ~0ull,
				   1ull << 63, 0x7e020000 };

/* kinds: how many different actions; with one, rules cannot contradict each other. */
static struct seccomp *random_profile(int kinds, size_t rules)
{
	static const int actions[] = { SC_ALLOW, SC_ERRNO, SC_TRAP, SC_LOG };
	struct seccomp *s = arena_new(&arena, struct seccomp);
	size_t n = 1 + (size_t)rand() % rules;

	s->default_action = SC_KILL_PROCESS;
	s->architectures.v = arena_array(&arena, 3, sizeof(char *));
	if (native() == SCMP_ARCH_X86_64) {
		s->architectures.v[0] = (char *)"SCMP_ARCH_X86";
		s->architectures.v[1] = (char *)"SCMP_ARCH_X32";
		s->architectures.n = (size_t)rand() % 3;
	}
	s->syscalls.v = arena_array(&arena, n, sizeof(*s->syscalls.v));
	for (; s->syscalls.n < n; s->syscalls.n++) {
		struct seccomp_rule *r = &s->syscalls.v[s->syscalls.n];

		r->action = actions[rand() % kinds];
		r->names.v = arena_array(&arena, 3, sizeof(char *));
		r->names.n = 1 + (size_t)rand() % 3;
		for (size_t i = 0; i < r->names.n; i++)
			r->names.v[i] = (char *)names[(size_t)rand() % COUNT(names)];
		r->args.n = (size_t)rand() % 4;
		r->args.v = arena_array(&arena, 4, sizeof(*r->args.v));
		for (size_t i = 0; i < r->args.n; i++)
			r->args.v[i] = (struct seccomp_arg){
				(uint32_t)i, values[(size_t)rand() % COUNT(values)],
				values[(size_t)rand() % COUNT(values)], 1 + rand() % 7
			};
	}
	return s;
}

static struct seccomp_data random_call(const struct compiled *c)
{
	const struct sc_table *t = &c->t.v[(size_t)rand() % c->t.n];
	struct seccomp_data d = { .arch = t->audit };

	d.nr = (int)(rand() % 2 && t->n ? t->v[(size_t)rand() % t->n].nr
					: (uint32_t)rand() % 500);
	for (int i = 0; i < 6; i++) {
		d.args[i] = values[(size_t)rand() % COUNT(values)] +
			    (uint64_t)(rand() % 3) - 1;
		if (!t->wide)
			d.args[i] &= UINT32_MAX;
	}
	return d;
}

static void test_random(void **state)
{
	(void)state;
	srand(11);
	for (int round = 0; round < 300; round++) {
		struct compiled *c = compile_profile(random_profile(4, 30));

		for (int i = 0; i < 1000; i++) {
			struct seccomp_data d = random_call(c);
			uint32_t got;

			assert_true(sc_run(c->f, c->n, &d, &got));
			assert_int_equal(got, sc_reference(&c->p, &c->t, &d));
		}
	}
}

/* What libseccomp makes of it. */
static uint32_t their_program(const struct compiled *c, struct sock_filter *out)
{
	scmp_filter_ctx ctx = seccomp_init(c->p.head->default_action);
	int fd = memfd_create("filter", MFD_CLOEXEC);
	ssize_t n;

	for (size_t i = 1; i < c->t.n; i++)
		seccomp_arch_add(ctx, c->t.v[i].token);
	for (uint32_t i = 0; i < c->p.head->n_rules; i++) {
		const struct sc_rule *r = &c->p.rules[i];
		int nr = seccomp_syscall_resolve_name(c->p.names + r->name);
		struct scmp_arg_cmp args[6];

		for (uint32_t j = 0; j < r->n_args; j++) {
			const struct sc_arg *a = &c->p.args[r->first_arg + j];

			args[j] = (struct scmp_arg_cmp){ a->index,
							 (enum scmp_compare)a->op,
							 a->value, a->value_two };
		}
		if (nr != __NR_SCMP_ERROR)
			seccomp_rule_add_array(ctx, r->action, nr, r->n_args, args);
	}
	assert_int_equal(seccomp_export_bpf(ctx, fd), 0);
	seccomp_release(ctx);
	n = pread(fd, out, SC_INSNS_MAX * sizeof(*out), 0);
	close(fd);
	return (uint32_t)(n / (ssize_t)sizeof(*out));
}

/* Where rules cannot contradict each other, ours must never allow what theirs does
 * not; it may be the other way round only through their fault with merged comparisons.
 * x32 differs on purpose (whole registers), and so do newer calls. */
static void test_against_libseccomp(void **state)
{
	static struct sock_filter theirs[SC_INSNS_MAX];
	long differ = 0;

	(void)state;
	srand(5);
	for (int round = 0; round < 200; round++) {
		struct compiled *c = compile_profile(random_profile(1, 4));
		uint32_t n = their_program(c, theirs);

		for (int i = 0; i < 500; i++) {
			struct seccomp_data d = random_call(c);
			uint32_t our, their;

			assert_true(sc_run(c->f, c->n, &d, &our));
			if ((uint32_t)d.nr >= 0x40000000 ||
			    our == (SECCOMP_RET_ERRNO | ENOSYS))
				continue;
			if (sc_run(theirs, n, &d, &their) && our != their)
				differ++;
		}
	}
	print_message("%ld of 100000 answers differ from libseccomp's\n", differ);
	assert_true(differ < 2000);
}

static void test_bad_program(void **state)
{
	struct compiled *c = compile(
		"{'defaultAction':'SCMP_ACT_ERRNO','syscalls':["
		"{'names':['read'],'action':'SCMP_ACT_ALLOW','args':[{'index':0,'value':"
		"4294967297,'op':'SCMP_CMP_EQ'}]}]}");
	struct err e = { 0 };

	(void)state;
	/* Each instruction spoiled in turn: the verifier sees it, or nothing changed. */
	for (uint32_t i = 0; i < c->n; i++) {
		struct sock_filter was = c->f[i];

		if (BPF_CLASS(was.code) == BPF_RET)
			c->f[i].k = SECCOMP_RET_LOG;
		else if (BPF_CLASS(was.code) == BPF_JMP)
			c->f[i].k++;
		else
			c->f[i].k ^= 4;
		e = (struct err){ 0 };
		assert_int_equal(sc_verify(&c->p, &c->t, c->f, c->n, &e), -1);
		assert_non_null(strstr(e.msg, "not what the profile says"));
		c->f[i] = was;
	}
	assert_int_equal(sc_verify(&c->p, &c->t, c->f, c->n, &e), 0);
}

static void expect_error(const char *seccomp, const char *want)
{
	struct err e = { 0 };
	struct seccomp *s = load(seccomp, &e);
	const void *f;
	uint32_t n;
	struct buf b;

	buf_init(&b, &arena, 16 << 20);
	if (!seccomp_canonical(s, &b, &e) &&
	    !seccomp_filter(b.p, b.len, NULL, &arena, &f, &n, &e))
		fail_msg("%s: no error", seccomp);
	if (!strstr(e.msg, want))
		fail_msg("%s: %s", seccomp, e.msg);
	assert_ptr_equal(strstr(e.origin, "linux.seccomp"), e.origin);
}

static void test_refused(void **state)
{
	struct seccomp big = { .default_action = SC_ALLOW };
	struct err e = { 0 };
	const void *f;
	uint32_t n;
	struct buf b;

	(void)state;
	expect_error("{'defaultAction':'SCMP_ACT_NOTIFY'}", "cannot be the default");
	expect_error("{'defaultAction':'SCMP_ACT_ALLOW','syscalls':[{'names':['read'],'"
		     "action':'SCMP_ACT_ERRNO',"
		     "'args':[{'index':6,'value':1,'op':'SCMP_CMP_EQ'}]}]}",
		     "0 to 5");

	/* Two thousand rules of six conditions: more than the kernel takes. An error,
	 * no crash. */
	buf_init(&b, &arena, 16 << 20);
	big.syscalls.v = arena_array(&arena, 2000, sizeof(*big.syscalls.v));
	for (; big.syscalls.n < 2000; big.syscalls.n++) {
		struct seccomp_rule *r = &big.syscalls.v[big.syscalls.n];

		r->action = SC_ERRNO;
		r->names.v = arena_array(&arena, 1, sizeof(char *));
		r->names.v[0] = (char *)"read";
		r->names.n = 1;
		r->args.v = arena_array(&arena, 6, sizeof(*r->args.v));
		for (; r->args.n < 6; r->args.n++)
			r->args.v[r->args.n] = (struct seccomp_arg){ (uint32_t)r->args.n,
								     big.syscalls.n + 7,
								     0, 4 };
	}
	assert_int_equal(seccomp_canonical(&big, &b, &e), 0);
	assert_int_equal(seccomp_filter(b.p, b.len, NULL, &arena, &f, &n, &e), -1);
	assert_non_null(strstr(e.msg, "the kernel takes 4096"));
}

/* --- cache --- */

static int entries(const char *path, char *name, size_t size)
{
	char command[200];
	int n = 0;
	FILE *p;

	snprintf(command, sizeof(command), "ls %s", path);
	p = popen(command, "r");
	while (p && fgets(name, (int)size, p))
		n++;
	pclose(p);
	name[strcspn(name, "\n")] = '\0';
	return n;
}

static bool is_cached(const char *path, const struct compiled *c)
{
	auto_fd fd = sc_cache_open(path);
	const void *f;
	uint32_t n = 0;

	if (fd >= 0)
		sc_cache_find(fd, c->canonical, c->size, &arena, &f, &n);
	return n == c->n && !memcmp(f, c->f, n * sizeof(*c->f));
}

static void fill_cache(const char *path, const struct compiled *c)
{
	struct err e = { 0 };
	const void *f;
	uint32_t n;

	assert_int_equal(seccomp_filter(c->canonical, c->size, path, &arena, &f, &n, &e),
			 0);
	assert_int_equal(n, c->n);
	assert_memory_equal(f, c->f, n * sizeof(*c->f));
}

static void test_cache(void **state)
{
	struct compiled *c = compile("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{'"
				     "names':['read'],'action':'SCMP_ACT_ALLOW'}]}");
	struct compiled *other = compile("{'defaultAction':'SCMP_ACT_ERRNO','syscalls':[{"
					 "'names':['mmap'],'action':'SCMP_ACT_ALLOW'}]}");
	char path[100], name[100], file[200], text[200];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s/cache", dir);
	assert_false(is_cached(path, c));
	fill_cache(path, c);
	assert_true(is_cached(path, c));
	assert_false(is_cached(path, other));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(entries(path, name, sizeof(name)), 1);
	snprintf(file, sizeof(file), "%s/%s", path, name);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	/* Every byte spoiled in turn, then replaced. */
	for (off_t at = 0; at < st.st_size; at += 1 + st.st_size / 200) {
		int fd = open(file, O_RDWR);
		char byte;

		assert_int_equal(pread(fd, &byte, 1, at), 1);
		byte ^= 1;
		assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		close(fd);
		assert_false(is_cached(path, c));
		fill_cache(path, c);
		assert_true(is_cached(path, c));
	}
	/* Cut short, lengthened, empty. */
	assert_int_equal(truncate(file, st.st_size - 8), 0);
	assert_false(is_cached(path, c));
	assert_int_equal(truncate(file, st.st_size), 0);
	assert_false(is_cached(path, c));
	fill_cache(path, c);
	assert_int_equal(truncate(file, st.st_size + 8), 0);
	assert_false(is_cached(path, c));
	assert_int_equal(truncate(file, 0), 0);
	assert_false(is_cached(path, c));
	/* Writable for others; a link; a FIFO. */
	fill_cache(path, c);
	assert_int_equal(chmod(file, 0620), 0);
	assert_false(is_cached(path, c));
	fill_cache(path, c);
	assert_true(is_cached(path, c));
	snprintf(text, sizeof(text), "%s/copy", dir);
	assert_int_equal(rename(file, text), 0);
	assert_int_equal(symlink(text, file), 0);
	assert_false(is_cached(path, c));
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0);
	assert_false(is_cached(path, c));
	fill_cache(path, c);
	assert_true(is_cached(path, c));
	if (!geteuid()) {
		assert_int_equal(chown(file, 1, 1), 0);
		assert_false(is_cached(path, c));
		fill_cache(path, c);
		assert_true(is_cached(path, c));
		assert_int_equal(chown(path, 1, 1), 0);
		assert_false(is_cached(path, c));
		assert_int_equal(chown(path, 0, 0), 0);
	}
	/* A directory that is not ours alone is not used at all. */
	assert_int_equal(chmod(path, 0770), 0);
	assert_false(is_cached(path, c));
	fill_cache(path, other);
	assert_int_equal(chmod(path, 0700), 0);
	assert_false(is_cached(path, other));
}

static void test_cache_size(void **state)
{
	char path[100], name[100];
	struct compiled *c = NULL;

	(void)state;
	snprintf(path, sizeof(path), "%s/full", dir);
	for (int i = 0; i < 70; i++) {
		c = compile(arena_printf(
			&arena, "{'defaultAction':'SCMP_ACT_ERRNO','defaultErrnoRet':%d}",
			i + 1));
		fill_cache(path, c);
	}
	assert_int_equal(entries(path, name, sizeof(name)), 64);
	assert_true(is_cached(path, c));
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/skiff-seccomp-XXXXXX");
	return mkdtemp(dir) ? arena_init(&arena) : -1;
}

static int teardown(void **state)
{
	char command[100];

	(void)state;
	arena_done(&arena);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_several_rules),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_x86),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_against_libseccomp),
		cmocka_unit_test(test_bad_program),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_cache),
		cmocka_unit_test(test_cache_size),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
