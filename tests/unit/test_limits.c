/* linux.resources and cgroupsPath to steps, for v1, v2 and hybrid hosts; what cannot
 * be done is an error. */
#include "test.h"

#include "plan/limits.h"
#include "plan/parts.h"
#include "spec/spec.h"

static const struct host host_v2_only = {
	.cgroup_mode = CGM_V2, .has_swap = true, .caps = ~0ull, .n_hierarchies = 1,
	.hierarchies = {
		{ .controllers = CT_CPU | CT_CPUSET | CT_MEMORY | CT_IO | CT_PIDS | CT_HUGETLB | CT_RDMA, .v2 = true,
		  .mount = "/sys/fs/cgroup", .name = "", .own = "/user.slice/s.scope" },
	},
};
static const struct host host_v1 = {
	.cgroup_mode = CGM_V1, .has_swap = true, .caps = ~0ull, .n_hierarchies = 7,
	.hierarchies = {
		{ .controllers = CT_CPU | CT_CPUACCT, .mount = "/cg/cpu", .name = "cpu", .own = "/" },
		{ .controllers = CT_MEMORY, .mount = "/cg/memory", .name = "memory", .own = "/x" },
		{ .controllers = CT_DEVICES, .mount = "/cg/devices", .name = "devices", .own = "/" },
		{ .controllers = CT_IO, .mount = "/cg/blkio", .name = "blkio", .own = "/" },
		{ .controllers = CT_NET_CLS | CT_NET_PRIO, .mount = "/cg/net", .name = "net", .own = "/" },
		{ .controllers = CT_HUGETLB, .mount = "/cg/huge", .name = "hugetlb", .own = "/" },
		{ .controllers = CT_RDMA, .mount = "/cg/rdma", .name = "rdma", .own = "/" },
	},
};
static const struct host host_hybrid = {
	.cgroup_mode = CGM_HYBRID, .caps = ~0ull, .n_hierarchies = 3,
	.hierarchies = {
		{ .controllers = CT_CPUSET, .mount = "/cg/cpuset", .name = "cpuset", .own = "/" },
		{ .controllers = CT_PIDS, .mount = "/cg/pids", .name = "pids", .own = "/" },
		{ .controllers = CT_HUGETLB, .v2 = true, .mount = "/cg/unified", .name = "", .own = "/" },
	},
};
static const struct host host_none = { .cgroup_mode = CGM_NONE };

struct result {
	struct plan p;
	struct cgroup_plan cg;
	struct err e;
	int r;
};

static struct result build(const struct host *h, const char *linux_,
			   const struct plan_opts *o)
{
	struct result *res = arena_new(&arena, struct result);
	char *text = arena_printf(&arena, "{\"ociVersion\":\"1.0.2\",\"linux\":%s}",
				  quotes(&arena, linux_));
	struct spec s;

	if (spec_load(text, strlen(text), "test", &arena, NULL, &s, &res->e))
		fail_msg("%s: %s", linux_, res->e.msg);
	plan_start(&res->p, &arena, &res->e);
	res->r = plan_cgroup_make(&res->p, &s, h, o, &res->cg) ||
				 plan_cgroup_limits(&res->p, &s, h, &res->cg)
			 ? -1
			 : 0;
	return *res;
}

/* "file=value" of all writes. */
static const char *writes(const struct plan *p)
{
	struct buf b;

	buf_init(&b, &arena, 65536);
	for (size_t i = 0; i < p->host.n; i++) {
		const struct step *s = &p->host.v[i];

		if (s->op != OP_CGROUP_WRITE ||
		    !strncmp(plan_text(p, s->str[0]), "devices.", 8))
			continue;
		buf_fmt(&b, "%s%s=%s%s", b.len ? "; " : "", plan_text(p, s->str[0]),
			plan_text(p, s->str[1]),
			s->policy == POL_FAIL  ? ""
			: s->policy == POL_ALT ? " or"
					       : " if there");
	}
	return b.p;
}

static const struct plan_opts opts = { .id = "c1", .cgroup_manager = "cgroupfs" };

/* clang-format off */
static const struct row {
	const struct host *h;
	const char *resources, *want;  /* want with '!' first: an error that contains it */
} rows[] = {
	{ &host_v2_only, "{}", "" },
	{ &host_v2_only, "{'memory':{'limit':1000,'swap':3000,'reservation':500}}",
	  "memory.max=1000; memory.swap.max=2000; memory.low=500" },
	{ &host_v2_only, "{'memory':{'limit':1000,'swap':-1}}", "memory.max=1000; memory.swap.max=max if there" },
	{ &host_v2_only, "{'memory':{'limit':-1}}", "memory.max=max if there" },
	{ &host_v2_only, "{'memory':{'limit':0,'swap':0,'kernel':5,'disableOOMKiller':false}}", "" },
	{ &host_v2_only, "{'memory':{'limit':1000,'swap':1000}}", "memory.max=1000; memory.swap.max=0" },
	{ &host_v2_only, "{'memory':{'limit':1000,'swap':999}}", "!cannot be less" },
	{ &host_v2_only, "{'memory':{'swap':999}}", "!needs memory.limit" },
	{ &host_v2_only, "{'memory':{'swappiness':5}}", "!no swappiness" },
	{ &host_v2_only, "{'memory':{'disableOOMKiller':true}}", "!OOM killer" },
	{ &host_v2_only, "{'memory':{'kernelTCP':9}}", "!TCP" },
	{ &host_v1, "{'memory':{'limit':1000,'swap':3000,'reservation':500,'swappiness':5,'kernelTCP':7,"
		    "'disableOOMKiller':true}}",
	  "memory.limit_in_bytes=1000; memory.memsw.limit_in_bytes=3000; memory.soft_limit_in_bytes=500; "
	  "memory.kmem.tcp.limit_in_bytes=7; memory.swappiness=5; memory.oom_control=1" },
	{ &host_hybrid, "{'memory':{'limit':1}}", "!no cgroup controller \"memory\"" },
	{ &host_hybrid, "{'memory':{'limit':-1}}", "" },
	{ &host_v2_only, "{'cpu':{'shares':1024,'quota':50000,'period':200000,'burst':100,'idle':1}}",
	  "cpu.weight=100; cpu.idle=1; cpu.max=50000 200000; cpu.max.burst=100" },
	{ &host_v2_only, "{'cpu':{'quota':50000}}", "cpu.max=50000 100000" },
	{ &host_v2_only, "{'cpu':{'quota':-1}}", "cpu.max=max 100000 if there" },
	{ &host_v2_only, "{'cpu':{'shares':0,'quota':0,'cpus':'','mems':''}}", "" },
	{ &host_v2_only, "{'cpu':{'cpus':'0-1','mems':'0'}}", "cpuset.cpus=0-1; cpuset.mems=0" },
	{ &host_v2_only, "{'cpu':{'realtimeRuntime':5}}", "!realtime" },
	{ &host_v1, "{'cpu':{'shares':1024,'quota':5000,'period':10000,'realtimeRuntime':5,'realtimePeriod':9}}",
	  "cpu.shares=1024; cpu.cfs_period_us=10000; cpu.cfs_quota_us=5000; cpu.rt_period_us=9; cpu.rt_runtime_us=5" },
	{ &host_v1, "{'cpu':{'cpus':'0'}}", "!cpuset" },
	{ &host_v2_only, "{'pids':{'limit':0}}", "pids.max=1" },
	{ &host_v2_only, "{'pids':{'limit':-1}}", "pids.max=max if there" },
	{ &host_hybrid, "{'pids':{'limit':7}}", "pids.max=7" },
	{ &host_v1, "{'pids':{'limit':-1}}", "" },
	{ &host_v1, "{'pids':{'limit':3}}", "!pids" },
	{ &host_v2_only, "{'blockIO':{'weight':500,'weightDevice':[{'major':8,'minor':0,'weight':10}],"
			 "'throttleReadBpsDevice':[{'major':8,'minor':0,'rate':600}],"
			 "'throttleWriteIOPSDevice':[{'major':8,'minor':16,'rate':0}]}}",
	  "io.bfq.weight=500 or; io.weight=4950; io.bfq.weight=8:0 10 or; io.weight=8:0 1; "
	  "io.max=8:0 rbps=600; io.max=8:16 wiops=max" },
	{ &host_v1, "{'blockIO':{'weight':500,'throttleWriteBpsDevice':[{'major':8,'minor':0,'rate':600}]}}",
	  "blkio.bfq.weight=500 or; blkio.weight=500; blkio.throttle.write_bps_device=8:0 600" },
	{ &host_v2_only, "{'blockIO':{'weight':5}}", "!between 10 and 1000" },
	{ &host_v2_only, "{'blockIO':{}}", "" },
	{ &host_v2_only, "{'blockIO':{'leafWeight':500}}", "!leaf weights" },
	{ &host_v1, "{'blockIO':{'weightDevice':[{'major':8,'minor':0,'leafWeight':9}]}}", "!leaf weights" },
	{ &host_v2_only, "{'hugepageLimits':[{'pageSize':'2MB','limit':9}]}",
	  "hugetlb.2MB.max=9; hugetlb.2MB.rsvd.max=9 if there" },
	{ &host_hybrid, "{'hugepageLimits':[{'pageSize':'1GB','limit':0}]}",
	  "hugetlb.1GB.max=0; hugetlb.1GB.rsvd.max=0 if there" },
	{ &host_v1, "{'hugepageLimits':[{'pageSize':'64KB','limit':9}]}",
	  "hugetlb.64KB.limit_in_bytes=9; hugetlb.64KB.rsvd.limit_in_bytes=9 if there" },
	{ &host_v1, "{'rdma':{'mlx5_1':{'hcaObjects':10000}}}", "rdma.max=mlx5_1 hca_object=10000" },
	{ &host_v2_only, "{'network':{'priorities':[{'name':'lo','priority':2}]}}", "!net_prio" },
	{ &host_v2_only, "{'hugepageLimits':[{'pageSize':'../2MB','limit':9}]}", "!not like 2MB" },
	{ &host_v1, "{'network':{'classID':1048577,'priorities':[{'name':'lo','priority':2}]}}",
	  "net_cls.classid=1048577; net_prio.ifpriomap=lo 2" },
	{ &host_v2_only, "{'network':{'classID':1}}", "!net_cls" },
	{ &host_v2_only, "{'network':{}}", "" },
	{ &host_v2_only, "{'rdma':{'mlx5_1':{'hcaHandles':3,'hcaObjects':10000}}}",
	  "rdma.max=mlx5_1 hca_handle=3 hca_object=10000" },
	{ &host_v2_only, "{'unified':{'memory.high':'5','cgroup.max.depth':'3'}}", "memory.high=5; cgroup.max.depth=3" },
	{ &host_v2_only, "{'unified':{'io.max':'8:0 rbps=1\\n8:16 rbps=2\\n'}}", "io.max=8:0 rbps=1; io.max=8:16 rbps=2" },
	{ &host_v2_only, "{'memory':{'limit':3},'unified':{'memory.max':'5'}}", "memory.max=3; memory.max=5" },
	{ &host_v2_only, "{'unified':{'../x.y':'5'}}", "!not a file name" },
	{ &host_v2_only, "{'unified':{'..':'5'}}", "!not a file name" },
	{ &host_v2_only, "{'unified':{'cgroup.procs':'1'}}", "!is a command" },
	{ &host_v2_only, "{'unified':{'misc.max':'1'}}", "!no controller \"misc\"" },
	{ &host_hybrid, "{'unified':{'pids.max':'1'}}", "!no controller \"pids\"" },
	{ &host_v1, "{'unified':{'memory.max':'1'}}", "!no cgroup v2" },
	{ &host_none, "{'memory':{'limit':1}}", "!no cgroup controller" },
	{ &host_none, "{'pids':{'limit':-1}}", "" },
};
/* clang-format on */

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *text = arena_printf(&arena, "{'resources':%s}",
						rows[i].resources);
		struct result res = build(rows[i].h, text, &opts);

		if (*rows[i].want == '!') {
			if (!res.r || !strstr(res.e.msg, rows[i].want + 1))
				fail_msg("%s: %s", text, res.r ? res.e.msg : "no error");
			assert_true(!strncmp(res.e.origin, "linux.resources.", 16));
		} else {
			if (res.r)
				fail_msg("%s: %s", text, res.e.msg);
			assert_string_equal(writes(&res.p), rows[i].want);
		}
	}
}

static void test_weight(void **state)
{
	static const struct {
		uint64_t shares;
		uint32_t weight;
	} known[] = { { 0, 1 },          { 1, 1 },           { 2, 1 },
		      { 3, 2 },          { 102, 17 },        { 512, 59 },
		      { 1024, 100 },     { 2048, 174 },      { 262143, 10000 },
		      { 262144, 10000 }, { 1u << 30, 10000 } };
	uint32_t before = 1;

	(void)state;
	for (size_t i = 0; i < COUNT(known); i++)
		assert_int_equal(limits_cpu_weight(known[i].shares), known[i].weight);
	for (uint64_t shares = 2; shares < 262200; shares += 7) {
		assert_true(limits_cpu_weight(shares) >= before);
		before = limits_cpu_weight(shares);
	}
}

static void check_path(const struct host *h, const char *linux_, const char *manager,
		       const char *want)
{
	struct plan_opts o = { .id = "c1", .cgroup_manager = manager };
	struct result res = build(h, linux_, &o);

	if (*want == '!') {
		if (!res.r || !strstr(res.e.msg, want + 1))
			fail_msg("%s: %s", linux_, res.r ? res.e.msg : res.p.cgroup_path);
		return;
	}
	if (res.r)
		fail_msg("%s: %s", linux_, res.e.msg);
	assert_string_equal(res.p.cgroup_path ? res.p.cgroup_path : "none", want);
}

static void test_paths(void **state)
{
	struct host user = host_v2_only, inner = host_v2_only;

	(void)state;
	user.euid = 1000;
	inner.own_userns = true;
	inner.hierarchies[0].own = "/";
	check_path(&host_v2_only, "{}", "cgroupfs", "/skiff-c1");
	check_path(&host_v2_only, "{}", NULL, "/skiff-c1");
	check_path(&host_v2_only, "{'cgroupsPath':'/a/b'}", "cgroupfs", "/a/b");
	check_path(&host_v2_only, "{'cgroupsPath':'a//b/./c/'}", "cgroupfs", "/a/b/c");
	check_path(&host_v1, "{'cgroupsPath':'a'}", "cgroupfs", "/a");
	check_path(&user, "{}", "cgroupfs", "/user.slice/skiff-c1");
	check_path(&user, "{'cgroupsPath':'x'}", "cgroupfs", "/user.slice/x");
	check_path(&user, "{'cgroupsPath':'/x'}", "cgroupfs", "/x");
	check_path(&inner, "{}", "cgroupfs", "/skiff-c1");
	check_path(&host_none, "{}", "cgroupfs", "none");
	check_path(&host_v2_only, "{'cgroupsPath':'/a'}", "disabled", "none");
	check_path(&host_v2_only, "{'resources':{'memory':{'limit':5}}}", "disabled",
		   "none");
	check_path(&host_v2_only, "{'cgroupsPath':'/a/../b'}", "cgroupfs",
		   "!\"..\" is not allowed");
	check_path(&host_v2_only, "{'cgroupsPath':'..'}", "cgroupfs",
		   "!\"..\" is not allowed");
	check_path(&host_v2_only, "{'cgroupsPath':'/a\\nb'}", "cgroupfs",
		   "!control character");
	check_path(&host_v2_only, "{'cgroupsPath':'/'}", "cgroupfs", "!root cgroup");
	check_path(&host_v2_only, "{'cgroupsPath':'system.slice:skiff:c1'}", "cgroupfs",
		   "!--cgroup-manager systemd");
	check_path(&host_v1, "{}", "systemd", "!in which systemd keeps its units");
	check_path(&host_v2_only, "{}", "other", "!unknown manager");
}

static const struct step *nth(const struct plan *p, enum op op, size_t n)
{
	for (size_t i = 0; i < p->host.n; i++)
		if (p->host.v[i].op == op && !n--)
			return &p->host.v[i];
	return NULL;
}

static void test_make(void **state)
{
	struct result v2 = build(&host_v2_only, "{'resources':{'cpu':{'cpus':'0'}}}",
				 &opts);
	struct result hybrid = build(&host_hybrid, "{}", &opts);
	struct result v1 = build(&host_v1, "{}", &opts);
	struct host user = host_v2_only;
	const struct step *s = nth(&v2.p, OP_CGROUP_MAKE, 0);

	(void)state;
	assert_int_equal(s->word[0], CT_CPU | CT_IO | CT_MEMORY | CT_PIDS | CT_CPUSET |
					     CT_REQUIRED(CT_CPUSET));
	assert_int_equal(s->slot[0], SLOT_CGROUP);
	assert_int_equal(s->policy, POL_FAIL);
	assert_int_equal(v2.cg.into, SLOT_CGROUP);
	assert_false(v2.cg.must_join);

	assert_int_equal(hybrid.cg.into, SLOT_CGROUP);
	assert_true(hybrid.cg.must_join);
	assert_int_equal(nth(&hybrid.p, OP_CGROUP_MAKE, 0)->word[0], CT_CPUSET);
	assert_int_equal(nth(&hybrid.p, OP_CGROUP_MAKE, 0)->flags, STEP_V1);
	assert_int_equal(nth(&hybrid.p, OP_CGROUP_MAKE, 2)->word[0], 0);
	plan_cgroup_join(&hybrid.p, &host_hybrid, &hybrid.cg);
	assert_non_null(nth(&hybrid.p, OP_CGROUP_JOIN, 1));
	assert_null(nth(&hybrid.p, OP_CGROUP_JOIN, 2));

	assert_int_equal(v1.cg.into, SLOT_NONE);
	assert_true(v1.cg.must_join);

	/* Nobody needs a cgroup that has no limits; with a limit it must be there. */
	user.euid = 1000;
	v2 = build(&user, "{}", &opts);
	assert_int_equal(nth(&v2.p, OP_CGROUP_MAKE, 0)->policy, POL_WARN);
	v2 = build(&user, "{'resources':{'pids':{'limit':5}}}", &opts);
	assert_int_equal(nth(&v2.p, OP_CGROUP_MAKE, 0)->policy, POL_FAIL);
}

static void test_open(void **state)
{
	const char *const dirs[] = { "/cg/cpuset/x", NULL, "/cg/unified/x" };
	const char *sub = "a/b";
	struct plan_target t = { .cgroups = dirs,
				 .sub_cgroups = &sub,
				 .n_sub_cgroups = 1 };
	struct cgroup_plan cg;
	struct plan p;
	struct err e = { 0 };

	(void)state;
	plan_start(&p, &arena, &e);
	assert_int_equal(plan_cgroup_open(&p, &host_hybrid,
					  &(struct plan_opts){ .id = "c" }, &t, &cg),
			 0);
	assert_int_equal(p.host.n, 2);
	assert_string_equal(plan_text(&p, p.host.v[0].str[1]), "");
	assert_string_equal(plan_text(&p, p.host.v[1].str[0]), "/cg/unified/x");
	assert_string_equal(plan_text(&p, p.host.v[1].str[1]), "/a/b");
	assert_int_equal(p.host.v[1].word[1], 0);
	sub = "../b";
	assert_int_equal(plan_cgroup_open(&p, &host_hybrid,
					  &(struct plan_opts){ .id = "c" }, &t, &cg),
			 -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),  cmocka_unit_test(test_weight),
		cmocka_unit_test(test_paths), cmocka_unit_test(test_make),
		cmocka_unit_test(test_open),
	};

	return cmocka_run_group_tests(tests, setup_arena, teardown_arena);
}
