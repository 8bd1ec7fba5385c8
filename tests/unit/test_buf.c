/* The growing buffer: growth, its maximum, JSON and safe text. */
#include "test.h"

#include "base/buf.h"

static void test_growth(void **state)
{
	struct buf b;

	buf_init(&b, *state, 100000);
	assert_string_equal(b.p, "");
	for (int i = 0; i < 1000; i++) {
		/* Something in between, so that growth must move. */
		arena_alloc(*state, 8);
		buf_fmt(&b, "%04d", i);
	}
	assert_int_equal(b.len, 4000);
	assert_false(b.full);
	assert_memory_equal(b.p, "000000010002", 12);
	assert_string_equal(b.p + 3996, "0999");
}

static void test_maximum(void **state)
{
	struct buf b;

	buf_init(&b, *state, 10);
	buf_str(&b, "12345678");
	buf_str(&b, "90");
	assert_false(b.full);
	buf_char(&b, 'x');
	assert_true(b.full);
	assert_string_equal(b.p, "1234567890");
	/* A full buffer stays as it is, even for what would fit. */
	buf_str(&b, "");
	buf_fmt(&b, "%s", "");
	assert_string_equal(b.p, "1234567890");
}

static void test_json(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "", "\"\"" },
		{ "plain /path", "\"plain /path\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
		{ "\n\t\r\b\f", "\"\\n\\t\\r\\b\\f\"" },
		{ "\x01\x1f\x7f\x1b[0m", "\"\\u0001\\u001f\\u007f\\u001b[0m\"" },
		{ "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80",
		  "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"" },
		/* Invalid: a lone byte, an overlong form, a surrogate, beyond Unicode,
		 * cut. */
		{ "\xff", "\"\\ufffd\"" },
		{ "\xc0\x80", "\"\\ufffd\\ufffd\"" },
		{ "\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"" },
		{ "\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"" },
		{ "\xe2\x82", "\"\\ufffd\\ufffd\"" },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct buf b;

		buf_init(&b, *state, 1000);
		buf_json(&b, rows[i].in);
		assert_string_equal(b.p, rows[i].out);
	}
}

static void test_safe(void **state)
{
	struct buf b;

	buf_init(&b, *state, 1000);
	buf_safe(&b, "x\n\x1b]0;\x7fy");
	assert_string_equal(b.p, "x\\x0a\\x1b]0;\\x7fy");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_growth, setup_arena, teardown_arena),
		cmocka_unit_test_setup_teardown(test_maximum, setup_arena,
						teardown_arena),
		cmocka_unit_test_setup_teardown(test_json, setup_arena, teardown_arena),
		cmocka_unit_test_setup_teardown(test_safe, setup_arena, teardown_arena),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
