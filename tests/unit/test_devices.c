/* Device rules: what they come to, as a BPF program (run here by a small interpreter)
 * and as v1 files. */
#include "test.h"

#include <linux/bpf.h>

#include "cgroup/cgroup.h"
#include "plan/device_rules.h"
#include "plan/parts.h"
#include "spec/spec.h"

static struct spec load(const char *linux_)
{
	char *text = arena_printf(&arena, "{\"ociVersion\":\"1.0.2\",\"linux\":%s}",
				  quotes(&arena, linux_));
	struct err e = { 0 };
	struct spec s;

	if (spec_load(text, strlen(text), "test", &arena, NULL, &s, &e))
		fail_msg("%s: %s", linux_, e.msg);
	return s;
}

/* --- the program --- */

static bool jumps(const struct bpf_insn *i, uint64_t dst)
{
	uint64_t imm = (uint64_t)(int64_t)i->imm;

	switch (i->code) {
	case BPF_JMP | BPF_JNE | BPF_K:
		return dst != imm;
	case BPF_JMP | BPF_JEQ | BPF_K:
		return dst == imm;
	case BPF_JMP | BPF_JGE | BPF_K:
		return dst >= imm;
	case BPF_JMP | BPF_JSET | BPF_K:
		return dst & imm;
	default:
		fail_msg("jump %#x", i->code);
		return false;
	}
}

static void compute(const struct bpf_insn *i, uint64_t *r)
{
	switch (i->code) {
	case BPF_ALU | BPF_MOV | BPF_X:
		r[i->dst_reg] = (uint32_t)r[i->src_reg];
		return;
	case BPF_ALU | BPF_AND | BPF_K:
		r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)i->imm;
		return;
	case BPF_ALU | BPF_RSH | BPF_K:
		r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> i->imm;
		return;
	case BPF_ALU64 | BPF_MOV | BPF_K:
		r[i->dst_reg] = (uint64_t)i->imm;
		return;
	default:
		fail_msg("instruction %#x", i->code);
	}
}

static bool run(const struct bpf_insn *code, size_t n,
		const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t r[11] = { 0 };

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &code[pc];
		uint32_t word;

		if (i->code == (BPF_JMP | BPF_EXIT))
			return r[0];
		if (i->code == (BPF_LDX | BPF_MEM | BPF_W)) {
			assert_int_equal(i->src_reg, 1);
			assert_in_range(i->off, 0, sizeof(*ctx) - 4);
			memcpy(&word, (const char *)ctx + i->off, 4);
			r[i->dst_reg] = word;
		} else if (BPF_CLASS(i->code) == BPF_JMP) {
			assert_true(i->off >= 0);
			pc += jumps(i, r[i->dst_reg]) ? (size_t)i->off : 0;
		} else {
			compute(i, r);
		}
	}
	fail_msg("ran off the end");
	return false;
}

static bool program_allows(const struct device_bpf *v, size_t n, char type,
			   uint8_t access, uint32_t major, uint32_t minor)
{
	struct bpf_insn *code = arena_array(
		&arena, n * DEVICES_BPF_RULE + DEVICES_BPF_FRAME, sizeof(*code));
	size_t len = devices_bpf_emit(v, n, code);
	uint32_t bits = (access & DEV_MKNOD ? BPF_DEVCG_ACC_MKNOD : 0) |
			(access & DEV_READ ? BPF_DEVCG_ACC_READ : 0) |
			(access & DEV_WRITE ? BPF_DEVCG_ACC_WRITE : 0);
	struct bpf_cgroup_dev_ctx ctx = { bits << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK
								    : BPF_DEVCG_DEV_CHAR),
					  major, minor };

	assert_true(len <= n * DEVICES_BPF_RULE + DEVICES_BPF_FRAME);
	return run(code, len, &ctx);
}

/* What the rules mean, bit by bit: the last one that matches. */
static bool meant(const struct device_bpf *v, size_t n, char type, uint8_t access,
		  int32_t major, int32_t minor)
{
	for (uint8_t bit = 1; bit <= 4; bit <<= 1) {
		bool allow = false;

		for (size_t i = 0; i < n; i++)
			if ((v[i].type == 'a' || v[i].type == type) &&
			    (v[i].access & bit) &&
			    (v[i].major < 0 || v[i].major == major) &&
			    (v[i].minor < 0 || v[i].minor == minor))
				allow = v[i].allow;
		if ((access & bit) && !allow)
			return false;
	}
	return true;
}

static void test_random_rules(void **state)
{
	static const char types[] = "abc";
	struct device_bpf rules[12], reversed[12];

	(void)state;
	srand(7);
	for (int round = 0; round < 2000; round++) {
		size_t n = (size_t)rand() % 13;

		for (size_t i = 0; i < n; i++) {
			rules[i] = (struct device_bpf){ types[rand() % 3],
							rand() % 2,
							(uint8_t)(1 + rand() % 7),
							0,
							rand() % 3 - 1,
							rand() % 3 - 1 };
			reversed[n - 1 - i] = rules[i];
		}
		for (int j = 0; j < 12; j++) {
			char type = rand() % 2 ? 'b' : 'c';
			uint8_t access = (uint8_t)(1 + rand() % 7);
			int32_t major = rand() % 3, minor = rand() % 3;

			assert_int_equal(program_allows(reversed, n, type, access,
							(uint32_t)major, (uint32_t)minor),
					 meant(rules, n, type, access, major, minor));
		}
	}
	assert_false(program_allows(rules, 0, 'c', DEV_READ, 1, 3));
}

/* --- rules of a configuration --- */

/* "c 8:0 rw" */
static bool allowed(const char *linux_, const char *request)
{
	struct spec s = load(linux_);
	const struct device_bpf *v;
	struct err e = { 0 };
	uint32_t major, minor;
	char type, access[4];
	uint8_t bits = 0;
	struct plan p;
	size_t n;
	bool all;

	plan_start(&p, &arena, &e);
	if (devices_rules(&p, &s, &v, &n, &all))
		fail_msg("%s", e.msg);
	assert_int_equal(sscanf(request, "%c %u:%u %3s", &type, &major, &minor, access),
			 4);
	for (const char *a = access; *a; a++)
		bits |= *a == 'r' ? DEV_READ : *a == 'w' ? DEV_WRITE : DEV_MKNOD;
	return program_allows(v, n, type, bits, major, minor);
}

static void test_defaults(void **state)
{
	/* Absent, empty, only allowing: always "deny all" (GHSA-g54h-m393-cpwq). */
	static const char *const configs[] = {
		"{}",
		"{'resources':{}}",
		"{'resources':{'devices':[]}}",
		"{'resources':{'devices':[{'allow':true,'type':'c','major':10,'minor':"
		"200,'access':'r'}]}}",
		"{'resources':{'devices':[{'allow':false,'access':'rwm'}]}}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(configs); i++) {
		assert_false(allowed(configs[i], "b 7:0 r"));
		assert_false(allowed(configs[i], "c 1:1 rw"));
		assert_false(allowed(configs[i], "b 8:0 rm"));
		assert_true(allowed(configs[i], "b 7:0 m"));
		assert_true(allowed(configs[i], "c 1:1 m"));
		assert_true(allowed(configs[i], "c 1:3 rwm"));
		assert_true(allowed(configs[i], "c 5:2 rw"));
		assert_true(allowed(configs[i], "c 136:77 rw"));
	}
}

static void test_config(void **state)
{
	static const char config[] =
		"{'devices':[{'path':'/dev/fuse','type':'c','major':10,'minor':229},"
		"{'path':'/dev/p','type':'p'}],"
		"'resources':{'devices':[{'allow':true,'access':'rwm'},{'allow':false,'"
		"type':'b'},"
		"{'allow':true,'type':'b','major':8,'minor':1,'access':'r'},"
		"{'allow':false,'type':'c','major':4,'access':'w'}]}}";

	(void)state;
	assert_true(allowed(config, "c 9:9 rwm"));
	assert_true(allowed(config, "c 10:229 rwm"));
	assert_false(allowed(config, "b 8:0 r"));
	assert_true(allowed(config, "b 8:1 r"));
	assert_false(allowed(config, "b 8:1 rw"));
	assert_true(allowed(config, "c 4:1 r"));
	assert_false(allowed(config, "c 4:1 rw"));
}

static const struct host v2 = {
	.cgroup_mode = CGM_V2,
	.caps = ~0ull,
	.n_hierarchies = 1,
	.hierarchies = { { .controllers = CT_MEMORY,
			   .v2 = true,
			   .mount = "/cg",
			   .name = "",
			   .own = "/" } },
};
static const struct host v1 = {
	.cgroup_mode = CGM_V1,
	.caps = ~0ull,
	.n_hierarchies = 1,
	.hierarchies = { { .controllers = CT_DEVICES,
			   .mount = "/cg",
			   .name = "devices",
			   .own = "/" } },
};

static size_t count_steps(const struct plan *p, enum op op)
{
	size_t n = 0;

	for (size_t i = 0; i < p->host.n; i++)
		n += p->host.v[i].op == op;
	return n;
}

static size_t bpf_steps(const struct host *h, const char *linux_)
{
	const struct plan_opts o = { .id = "c" };
	struct spec s = load(linux_);
	struct cgroup_plan cg;
	struct err e = { 0 };
	struct plan p;

	plan_start(&p, &arena, &e);
	if (plan_cgroup_make(&p, &s, h, &o, &cg) || plan_devices_load(&p, &s, h, &cg))
		fail_msg("%s", e.msg);
	assert_int_equal(plan_devices_attach(&p, &s, h, &cg), 0);
	assert_int_equal(count_steps(&p, OP_DEVICES_LOAD),
			 count_steps(&p, OP_DEVICES_ATTACH));
	return count_steps(&p, OP_DEVICES_LOAD);
}

static void test_steps(void **state)
{
	struct host user = v2, inner = v2;

	(void)state;
	user.euid = 1000;
	user.caps = 0;
	inner.own_userns = true;
	assert_int_equal(bpf_steps(&v2, "{}"), 1);
	assert_int_equal(
		bpf_steps(&v2,
			  "{'resources':{'devices':[{'allow':true,'access':'rwm'}]}}"),
		0);
	assert_int_equal(bpf_steps(&v1, "{}"), 0);
	assert_int_equal(bpf_steps(&user, "{}"), 0);
	assert_int_equal(bpf_steps(&inner, "{}"), 0);
}

/* The writes to the v1 files, or the error with '!' in front. */
static const char *v1_files(const char *linux_)
{
	const struct plan_opts o = { .id = "c" };
	struct spec s = load(linux_);
	struct cgroup_plan cg;
	struct err e = { 0 };
	struct plan p;
	struct buf b;

	plan_start(&p, &arena, &e);
	buf_init(&b, &arena, 65536);
	if (plan_cgroup_make(&p, &s, &v1, &o, &cg) ||
	    plan_cgroup_limits(&p, &s, &v1, &cg) || plan_devices_load(&p, &s, &v1, &cg) ||
	    plan_devices_attach(&p, &s, &v1, &cg))
		return arena_printf(&arena, "!%s", e.msg);
	for (size_t i = 0; i < p.host.n; i++)
		if (p.host.v[i].op == OP_CGROUP_WRITE)
			buf_fmt(&b, "%s %s\n", plan_text(&p, p.host.v[i].str[0]),
				plan_text(&p, p.host.v[i].str[1]));
	return b.p;
}

static void test_v1(void **state)
{
	const char *files = v1_files(
		"{'resources':{'devices':["
		"{'allow':true,'type':'b','major':8,'minor':0,'access':'rw'},"
		"{'allow':false,'type':'b','major':8,'minor':0,'access':'w'},"
		"{'allow':true,'type':'a','access':'r'},{'allow':false,'type':'b'}]}}");

	(void)state;
	/* A denial takes rights from what stands before it. */
	assert_ptr_equal(strstr(files, "devices.deny a\n"), files);
	assert_non_null(strstr(files, "devices.allow c *:* r\n"));
	assert_null(strstr(files, "b 8:0"));
	assert_null(strstr(files, "b *:* r"));
	assert_non_null(strstr(files, "devices.allow c 1:3 rwm\n"));
	assert_non_null(strstr(files, "devices.allow c 136:* rwm\n"));
	assert_string_equal(
		v1_files("{'resources':{'devices':[{'allow':true,'access':'rwm'}]}}"),
		"");
	/* A hole in a wider permission: not to be had. */
	assert_non_null(strstr(
		v1_files("{'resources':{'devices':[{'allow':true,'type':'c','major':9},"
			 "{'allow':false,'type':'c','major':9,'minor':1}]}}"),
		"!cgroup v1 cannot deny a part"));
}

static void test_limits(void **state)
{
	struct device_bpf *rules = arena_array(&arena, 1024, sizeof(*rules));

	(void)state;
	/* The longest programs: all jumps fit. */
	for (int i = 0; i < 1024; i++)
		rules[i] = (struct device_bpf){ 'c', i % 2, DEV_READ, 0, i, i };
	assert_true(program_allows(rules, 1024, 'c', DEV_READ, 1023, 1023));
	assert_true(program_allows(rules, 1024, 'c', DEV_READ, 1, 1));
	assert_false(program_allows(rules, 1024, 'c', DEV_READ, 1022, 1022));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_rules), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_config),       cmocka_unit_test(test_steps),
		cmocka_unit_test(test_v1),           cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, setup_arena, teardown_arena);
}
