/* Tables of names, suggestions, strict numbers. */
#include "test.h"

#include "base/names.h"

static const struct name colours[] = {
	{ "red", 1 }, { "green", 2 }, { "blue", 3 }, { "crimson", 1 }, { NULL }
};

static void test_find(void **state)
{
	(void)state;
	assert_int_equal(names_find(colours, "green", 5)->value, 2);
	assert_int_equal(names_find(colours, "crimson!", 7)->value, 1);
	assert_null(names_find(colours, "gree", 4));
	assert_null(names_find(colours, "greens", 6));
	assert_null(names_find(colours, "", 0));
	assert_string_equal(names_text(colours, 1), "red");
	assert_null(names_text(colours, 9));
}

static void test_nearest(void **state)
{
	(void)state;
	assert_string_equal(names_nearest(colours, "gren", 4), "green");
	assert_string_equal(names_nearest(colours, "crimsom", 7), "crimson");
	assert_string_equal(names_nearest(colours, "blux", 4), "blue");
	assert_null(names_nearest(colours, "violet", 6));
	assert_null(names_nearest(colours, "", 0));
}

static void test_distance(void **state)
{
	char longer[200];

	(void)state;
	memset(longer, 'a', sizeof(longer));
	assert_int_equal(names_distance("abc", 3, "abc", 3), 0);
	assert_int_equal(names_distance("abc", 3, "abd", 3), 1);
	assert_int_equal(names_distance("", 0, "abc", 3), 3);
	assert_int_equal(names_distance("exce", 4, "exec", 4), 1);
	assert_int_equal(names_distance("kitten", 6, "sitting", 7), 3);
	assert_int_equal(names_distance(longer, sizeof(longer), "a", 1), 48);
}

static void test_u64(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"+1",
		"-1",
		"1 ",
		" 1",
		"1x",
		"0x1",
		"1e3",
		"1.0",
		"18446744073709551616",
		"99999999999999999999999",
	};
	uint64_t v = 42;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(parse_u64(bad[i], UINT64_MAX, &v));
	assert_int_equal(v, 42);
	assert_true(parse_u64("18446744073709551615", UINT64_MAX, &v));
	assert_true(v == UINT64_MAX);
	assert_true(parse_u64("0010", 10, &v) && v == 10);
	assert_false(parse_u64("11", 10, &v));
}

static void test_i64(void **state)
{
	int64_t v = 42;

	(void)state;
	assert_true(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &v));
	assert_true(v == INT64_MIN);
	assert_true(parse_i64("9223372036854775807", INT64_MIN, INT64_MAX, &v));
	assert_true(v == INT64_MAX);
	assert_false(parse_i64("-9223372036854775809", INT64_MIN, INT64_MAX, &v));
	assert_false(parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &v));
	assert_false(parse_i64("--1", INT64_MIN, INT64_MAX, &v));
	assert_false(parse_i64("-", INT64_MIN, INT64_MAX, &v));
	assert_false(parse_i64("-11", -10, 10, &v));
	assert_true(parse_i64("-10", -10, 10, &v) && v == -10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),     cmocka_unit_test(test_nearest),
		cmocka_unit_test(test_distance), cmocka_unit_test(test_u64),
		cmocka_unit_test(test_i64),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
