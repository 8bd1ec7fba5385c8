/* systemd units: names and places, values in GVariant's text format, conversions. */
#include "test.h"

#include "plan/parts.h"
#include "plan/unit.h"
#include "plan/variant.h"

/* The value as "TYPE WORD WORD", or "!" and what is wrong. */
static const char *parsed(const char *text)
{
	struct variant v;
	const char *why;
	struct buf b;

	if (variant_parse(&arena, text, &v, &why))
		return arena_printf(&arena, "!%s", why);
	buf_init(&b, &arena, 65536);
	buf_str(&b, v.type);
	for (size_t i = 0; i < v.words.n; i++)
		buf_fmt(&b, " %s", v.words.v[i]);
	return b.p;
}

static void test_values(void **state)
{
	static const char *const cases[][2] = {
		{ "true", "b true" },
		{ " 5 ", "i 5" },
		{ "-7", "i -7" },
		{ "0x1e", "i 30" },
		{ "1.5", "d 1.5" },
		{ "1e3", "d 1e3" },
		{ "uint64 18446744073709551615", "t 18446744073709551615" },
		{ "int64 -9223372036854775808", "x -9223372036854775808" },
		{ "byte 255", "y 255" },
		{ "double 5", "d 5" },
		{ "@t 5", "t 5" },
		{ "'a b'", "s a b" },
		{ "\"it's\"", "s it's" },
		{ "'\\u00e9\\n\\''", "s \xc3\xa9\n'" },
		{ "objectpath '/a'", "o /a" },
		{ "['a', 'b']", "as 2 a b" },
		{ "[uint32 1, 2]", "au 2 1 2" },
		{ "@as []", "as 0" },
		{ "@aas [[], ['x']]", "aas 2 0 1 x" },
		{ "('a', 5)", "(si) a 5" },
		{ "(5,)", "(i) 5" },
		{ "@(st) ('a', 5)", "(st) a 5" },
		{ "[('a', uint64 1), ('b', 2)]", "a(st) 2 a 1 b 2" },
		{ "{'a': 1, 'b': 2}", "a{si} 2 a 1 b 2" },
		{ "@a{sv} {}", "a{sv} 0" },
		{ "<uint16 3>", "v q 3" },
		{ "[<5>, <'x'>]", "av 2 i 5 s x" },
		{ "b'hi'", "ay 3 104 105 0" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(parsed(cases[i][0]), cases[i][1]);
}

static void test_wrong_values(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"word",
		"[",
		"[1",
		"[1 2]",
		"[]",
		"[1, 'a']",
		"(1",
		"()",
		"'a",
		"'\\u12'",
		"'\\ud800'",
		"{'a' 1}",
		"{}",
		"<1",
		"5 6",
		"256 1",
		"byte 256",
		"byte -1",
		"int32 2147483648",
		"99999999999",
		"uint64 'a'",
		"@s 5",
		"@m 5",
		"@as ['a', 5]",
		"@(s) ('a', 5)",
		"just 5",
		"nothing",
		"uint64 18446744073709551616",
		"boolean 5",
		"--5",
		"0x",
		"true false",
		"[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]",
		"@a{vs} {}x",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (parsed(cases[i])[0] != '!')
			fail_msg("%s: %s", cases[i], parsed(cases[i]));
}

static void test_quota(void **state)
{
	(void)state;
	assert_int_equal(unit_cpu_quota(50000, 100000), 500000);
	/* 12.3 % is 13 %. */
	assert_int_equal(unit_cpu_quota(12300, 100000), 130000);
	assert_int_equal(unit_cpu_quota(1, 1000000), 10000);
	assert_int_equal(unit_cpu_quota(300000, 100000), 3000000);
	assert_true(unit_cpu_quota(INT64_MAX, 1) == UINT64_MAX);
}

static const struct host root = {
	.cgroup_mode = CGM_V2,
	.n_hierarchies = 1,
	.hierarchies = { { .v2 = true, .mount = "/sys/fs/cgroup", .own = "/x" } },
};

/* Where the container is, or "!" and what is wrong. */
static const char *place(const struct host *h, const char *path)
{
	const struct plan_opts opts = { .id = "c+1", .cgroup_manager = "systemd" };
	struct linux_config l = { .cgroups_path = (char *)path };
	struct spec s = { .linux_ = &l };
	struct unit_place at;
	struct plan p;
	struct err e;

	plan_start(&p, &arena, &e);
	return unit_choose(&p, &s, h, &opts, &at) ? arena_printf(&arena, "!%s", e.msg)
						  : at.path;
}

static void test_places(void **state)
{
	static const char *const cases[][2] = {
		{ NULL, "/system.slice/skiff-c\\x2b1.scope/container" },
		{ "", "/system.slice/skiff-c\\x2b1.scope/container" },
		{ "a-b.slice:p:n", "/a.slice/a-b.slice/p-n.scope/container" },
		{ "-.slice::n", "/n.scope/container" },
		{ ":p:n", "/system.slice/p-n.scope/container" },
		{ "n", "/system.slice/n.scope/container" },
		{ "/a//b", "/system.slice/a-b.scope/container" },
		{ "::_n", "/system.slice/__n.scope/container" },
		{ "::.n", "/system.slice/_.n.scope/container" },
		{ "::cgroup.n", "/system.slice/_cgroup.n.scope/container" },
		{ "::memory", "/system.slice/_memory.scope/container" },
		{ "::memory2.n", "/system.slice/memory2.n.scope/container" },
		{ "cpu-_x.slice::n", "/_cpu.slice/cpu-_x.slice/n.scope/container" },
		{ "::a@b c", "/system.slice/a\\x40b\\x20c.scope/container" },
	};
	static const char *const wrong[] = {
		"a:p:n",
		".slice:p:n",
		"-a.slice:p:n",
		"a--b.slice:p:n",
		"a-.slice:p:n",
		"a.slice:p",
		"a.slice:p:",
		"a.slice:p:n:m",
		"a/b.slice:p:n",
		"a b.slice:p:n",
		"/",
		"../a",
		"::memory.n",
		"io.a.slice::n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(place(&root, cases[i][0]), cases[i][1]);
	for (size_t i = 0; i < COUNT(wrong); i++)
		if (place(&root, wrong[i])[0] != '!')
			fail_msg("%s: %s", wrong[i], place(&root, wrong[i]));
}

static void test_users(void **state)
{
	struct host h = root;

	(void)state;
	h.euid = 1000;
	assert_string_equal(place(&h, "::n"),
			    "/user.slice/user-1000.slice/"
			    "user@1000.service/user.slice/n.scope/container");
	/* Inside a user namespace: the own cgroup tells, then the directory. */
	h.euid = 0;
	h.own_userns = true;
	assert_int_equal(place(&h, "::n")[0], '!');
	h.runtime_dir = "/run/user/7";
	assert_string_equal(place(&h, "::n"), "/user.slice/user-7.slice/user@7.service/"
					      "user.slice/n.scope/container");
	h.hierarchies[0].own = "/user.slice/user-8.slice/session-2.scope";
	assert_string_equal(place(&h, "::n"), "/user.slice/user-8.slice/user@8.service/"
					      "user.slice/n.scope/container");
	h.hierarchies[0].own = "/odd/user@9.service/app.slice/x.scope";
	assert_string_equal(place(&h, "::n"),
			    "/odd/user@9.service/user.slice/n.scope/container");
}

static void test_addresses(void **state)
{
	struct host h = root;
	strs to = unit_addresses(&arena, &h);

	(void)state;
	assert_int_equal(to.n, 2);
	assert_string_equal(to.v[0], "private:unix:path=/run/systemd/private");
	h.euid = 5;
	to = unit_addresses(&arena, &h);
	assert_string_equal(to.v[0], "private:unix:path=/run/user/5/systemd/private");
	assert_string_equal(to.v[1], "unix:path=/run/user/5/bus");
	h.session_bus = "unix:abstract=x";
	h.runtime_dir = "/r";
	to = unit_addresses(&arena, &h);
	assert_string_equal(to.v[0], "private:unix:path=/r/systemd/private");
	assert_string_equal(to.v[1], "unix:abstract=x");
	h.own_userns = true;
	h.session_bus = h.runtime_dir = NULL;
	assert_int_equal(unit_addresses(&arena, &h).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values), cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_quota),  cmocka_unit_test(test_places),
		cmocka_unit_test(test_users),  cmocka_unit_test(test_addresses),
	};

	if (arena_init(&arena) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
