/* The OCI tables and rules: everything loads and prints back, each rule has its broken
 * config. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/capability.h>

#include "json/print.h"
#include "spec/spec.h"

struct heard {
	char faults[4096], others[4096];
};

static void add(char *to, size_t size, const char *path, const char *text)
{
	size_t n = strlen(to);

	snprintf(to + n, size - n, "%s%s%s\n", path, *path ? ": " : "", text);
}

static void hear_fault(void *ctx, const struct err *e)
{
	struct heard *h = ctx;

	add(h->faults, sizeof(h->faults), e->origin, e->msg);
}

static void hear_warning(void *ctx, const char *path, const char *text)
{
	struct heard *h = ctx;

	add(h->others, sizeof(h->others), path, text);
}

static void hear_note(void *ctx, const char *path, const char *word, const char *hint)
{
	(void)hint;
	hear_warning(ctx, path, word);
}

/* Loads and checks with everything reported. */
static void check_text(const char *text, struct heard *h)
{
	struct json_notes notes = {
		.note = hear_note, .fault = hear_fault, .warn = hear_warning, .ctx = h
	};
	struct spec s;
	struct err e = { 0 };

	*h = (struct heard){ "", "" };
	if (spec_load(text, strlen(text), "config.json", &arena, &notes, &s, &e) < 0)
		hear_fault(h, &e);
	else
		spec_check(&s, &notes, &e);
}

/* The same up to the first fault; what it says. */
static const char *first_fault(const char *text)
{
	struct err e = { 0 };
	struct spec s;

	if (!spec_load(text, strlen(text), "config.json", &arena, NULL, &s, &e) &&
	    !spec_check(&s, NULL, &e))
		return "";
	return arena_printf(&arena, "%s%s%s", e.origin, *e.origin ? ": " : "", e.msg);
}

static char *read_fixture(const char *name)
{
	const char *path = arena_printf(&arena, "%s/fixtures/%s", tests_dir(), name);
	struct spec s;
	struct err e;
	char *text;
	size_t n;

	if (spec_load_file(AT_FDCWD, path, &arena, NULL, &s, &text, &n, &e) < 0)
		fail_msg("%s: %s: %s", name, e.origin, e.msg);
	return text;
}

static void test_good(void **state)
{
	static const char *const names[] = {
		"good/start.json",
		"good/everything.json",
		"engines/podman-4.3.json",
		"engines/ctr-1.6.json",
	};
	struct heard h;

	(void)state;
	read_fixture("good/minimal.json");
	for (size_t i = 0; i < COUNT(names); i++) {
		check_text(read_fixture(names[i]), &h);
		assert_string_equal(h.faults, "");
		if (i < 2)
			assert_string_equal(h.others, "");
	}
}

static char *print(const struct spec *s, enum json_style style)
{
	struct buf b;

	buf_init(&b, &arena, 1 << 20);
	json_print(&b, &spec_type, s, style);
	return b.p;
}

/* Every key of the fixture comes back: nothing is dropped, nothing is rounded. */
static void test_round_trip(void **state)
{
	const char *text = read_fixture("good/everything.json");
	struct spec s;
	struct err e;
	char *once, *twice;

	(void)state;
	assert_int_equal(spec_load(text, strlen(text), "x", &arena, NULL, &s, &e), 0);
	once = print(&s, JSON_COMPACT);
	assert_int_equal(spec_load(once, strlen(once), "x", &arena, NULL, &s, &e), 0);
	twice = print(&s, JSON_COMPACT);
	assert_string_equal(once, twice);
	for (const char *p = text; (p = strchr(p, '"')); p++) {
		size_t n = strcspn(p + 1, "\"") + 2;

		if (p[n] == ':' && !strstr(once, arena_strndup(&arena, p, n)))
			fail_msg("%.*s was lost", (int)n, p);
		p += n - 1;
	}
	assert_non_null(
		strstr(once, "18446744073709551615,\"soft\":18446744073709551615"));
	assert_non_null(strstr(once, "\"limit\":9223372036854772000"));
}

static void test_values(void **state)
{
	const char *text = read_fixture("good/everything.json");
	const struct linux_config *l;
	struct spec s;
	struct err e;

	(void)state;
	assert_int_equal(spec_load(text, strlen(text), "x", &arena, NULL, &s, &e), 0);
	l = s.linux_;
	assert_string_equal(s.process->args.v[2], "echo \xc3\xa9 \xf0\x9f\x98\x80");
	assert_true(s.process->user.additional_gids.v[1] == 4294967294u);
	assert_int_equal(s.process->capabilities->bounding.v[2], 39);
	assert_int_equal(l->namespaces.n, 8);
	assert_string_equal(spec_ns(&s, NS_NET)->path, "/run/netns/a");
	assert_null(spec_ns(&s, NS_PID)->path);
	assert_string_equal(spec_annotation(&s, "org.example.a"), "1");
	assert_null(spec_annotation(&s, "org.example"));
	assert_int_equal(l->rootfs_propagation, PROP_SLAVE);
	assert_true(l->seccomp->syscalls.v[2].args.v[0].value == UINT64_MAX);
	assert_int_equal(l->seccomp->flags.v[1], 32);
	assert_true(l->resources->hugepage_limits.v[0].limit == 9223372036854772000u);
	assert_string_equal(l->net_devices.v[0].host_name, "eth0");
	assert_string_equal(l->net_devices.v[0].name, "eth7");
	assert_true(l->time_offsets.v[0].secs == -86400);
	assert_int_equal(l->personality->domain, 8);
	assert_string_equal(l->resources->rdma.v[1].name, "rxe3");
	assert_true(l->resources->block_io->write_iops.v[0].rate == 300);
}

/* Engines write empty strings for what they leave out. */
static void test_blank(void **state)
{
	const char *text = quotes(&arena,
				  "{'ociVersion':'1.0.0','hostname':'',"
				  "'process':{'cwd':'/','apparmorProfile':''},"
				  "'linux':{'cgroupsPath':'','rootfsPropagation':'',"
				  "'namespaces':[{'type':'pid','path':''}]}}");
	struct spec s;
	struct err e;

	(void)state;
	assert_int_equal(spec_load(text, strlen(text), "x", &arena, NULL, &s, &e), 0);
	assert_null(s.hostname);
	assert_null(s.linux_->cgroups_path);
	assert_null(s.linux_->namespaces.v[0].path);
	assert_null(s.process->apparmor_profile);
	assert_int_equal(s.linux_->rootfs_propagation, PROP_NONE);
}

/* Our list of capabilities is libcap's. */
static void test_capabilities(void **state)
{
	(void)state;
	for (const struct name *n = cap_names(); n->text; n++) {
		cap_value_t v = -1;

		assert_int_equal(cap_from_name(n->text, &v), 0);
		assert_int_equal(v, n->value);
		assert_int_equal(n - cap_names(), n->value);
	}
	for (int i = 0; i <= CAP_LAST_CAP; i++)
		assert_non_null(names_text(cap_names(), i));
}

static void test_sysctl_path(void **state)
{
	static const struct {
		const char *key, *path;
	} rows[] = {
		{ "net.ipv4.ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/ip_forward", "net/ipv4/ip_forward" },
		{ "net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding" },
		{ "net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding" },
		{ "kernel", "kernel" },
		{ "", NULL },
		{ "/net", NULL },
		{ ".net", NULL },
		{ "net.", NULL },
		{ "net..x", NULL },
		{ "net/../vm/x", NULL },
		{ "../net", NULL },
		{ "net/..", NULL },
		{ "net\nx", NULL },
		{ "net.//.vm", NULL },
		{ "net.0123456789012345678901234567890123456789012345678901234567890",
		  NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[64];
		bool good = spec_sysctl_path(rows[i].key, path, sizeof(path));

		if (good != (rows[i].path != NULL))
			fail_msg("%s", rows[i].key);
		if (good)
			assert_string_equal(path, rows[i].path);
	}
}

static void test_default(void **state)
{
	struct spec_template t = { .cgroup_ns = true, .uid = 1000, .gid = 1001 };
	struct heard h;
	struct spec s;

	(void)state;
	spec_default(&t, &arena, &s);
	check_text(print(&s, JSON_PRETTY), &h);
	assert_string_equal(h.faults, "");
	assert_string_equal(h.others, "");
	assert_int_equal(s.mounts.n, 7);
	assert_non_null(spec_ns(&s, NS_CGROUP));
	assert_non_null(spec_ns(&s, NS_NET));
	t = (struct spec_template){ .rootless = true, .uid = 1000, .gid = 1001 };
	spec_default(&t, &arena, &s);
	check_text(print(&s, JSON_COMPACT), &h);
	assert_string_equal(h.faults, "");
	assert_int_equal(s.mounts.n, 6);
	assert_null(spec_ns(&s, NS_NET));
	assert_null(spec_ns(&s, NS_CGROUP));
	assert_int_equal(s.linux_->gid_mappings.v[0].host_id, 1001);
	assert_null(strstr(print(&s, JSON_COMPACT), "gid=5"));
}

/* One broken thing each, added to a sound config: members of process, namespaces, linux,
 * resources, seccomp or the top level. */
static const struct bad {
	const char *process, *ns, *lin, *res, *sc, *top, *want;
} bad[] = {
#include "bad_configs.def"
};

/* ", NAME" or nothing. */
static const char *more(const char *members)
{
	return members ? arena_printf(&arena, ",%s", members) : "";
}

static char *compose(const struct bad *b)
{
	const char *res = b->res ? arena_printf(&arena, ",'resources':{%s}", b->res) : "";
	const char *sc = b->sc ? arena_printf(&arena, ",'seccomp':{%s}", b->sc) : "";
	const char *form = "{'ociVersion':'1.3.0','root':{'path':'r'},"
			   "'process':{'cwd':'/','args':['a']%s},"
			   "'linux':{'namespaces':[{'type':'mount'}%s]%s%s%s}%s}";

	return quotes(&arena, arena_printf(&arena, form, more(b->process), more(b->ns),
					   more(b->lin), res, sc, more(b->top)));
}

static void check_bad(const struct bad *b)
{
	const char *text = compose(b), *first = first_fault(text);
	struct heard h;

	check_text(text, &h);
	if (b->want[0] == '~') {
		if (!strstr(h.others, b->want + 1) || *first || *h.faults)
			fail_msg("%s: \"%s\" \"%s\" instead of \"%s\"", text, h.others,
				 first, b->want);
		return;
	}
	if (!strstr(first, b->want) || !strstr(h.faults, b->want))
		fail_msg("%s: \"%s\" instead of \"%s\"", text, first, b->want);
}

static void test_bad(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		check_bad(&bad[i]);
}

static char *read_any(const char *path)
{
	char *text = arena_alloc(&arena, 65536);
	FILE *f = fopen(path, "re");

	if (!f)
		fail_msg("%s", path);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	return text;
}

/* Whole files, for the command line's tests too: "expect" in each says what must be said
 * of it. */
static void test_bad_files(void **state)
{
	const char *name = arena_printf(&arena, "%s/fixtures/bad", tests_dir());
	static const char key[] = "\"expect\": \"";
	DIR *dir = opendir(name);
	unsigned count = 0;

	(void)state;
	assert_non_null(dir);
	for (struct dirent *d; (d = readdir(dir));) {
		const char *p, *said;
		char *text;

		if (!strstr(d->d_name, ".json"))
			continue;
		text = read_any(arena_printf(&arena, "%s/%s", name, d->d_name));
		p = strstr(text, key);
		if (!p)
			fail_msg("%s has no \"expect\"", d->d_name);
		p += sizeof(key) - 1;
		p = arena_strndup(&arena, p, strcspn(p, "\""));
		said = first_fault(text);
		if (!strstr(said, p))
			fail_msg("%s: \"%s\" instead of \"%s\"", d->d_name, said, p);
		count++;
	}
	closedir(dir);
	assert_true(count >= 12);
}

static void test_parts(void **state)
{
	struct process p = { .cwd = arena_strdup(&arena, "/") };
	struct opt_i64 small = { true, 1 }, large = { true, 2 };
	struct memory m = { .limit = large, .swap = small };
	struct resources r = { .memory = &m };
	struct err e;

	(void)state;
	assert_int_equal(spec_check_process(&p, "", NULL, &e), -1);
	assert_string_equal(e.origin, "args");
	/* The container of config.json may be created without a program. */
	assert_int_equal(spec_check_process(&p, "process", NULL, &e), 0);
	assert_int_equal(spec_check_resources(&r, "", NULL, &e), -1);
	assert_string_equal(e.origin, "memory.swap");
	/* An update may name swap alone. */
	m.limit.set = false;
	assert_int_equal(spec_check_resources(&r, "", NULL, &e), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),    TEST(test_round_trip),   TEST(test_values),
		TEST(test_blank),   TEST(test_capabilities), TEST(test_sysctl_path),
		TEST(test_default), TEST(test_bad),          TEST(test_bad_files),
		TEST(test_parts),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
