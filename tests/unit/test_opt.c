/* The option parser: every spelling that engines use, where options end, what is refused;
 * help. */
#include "test.h"

#include "base/opt.h"

struct opts {
	bool flag, other;
	const char *text, *word;
	uint32_t number;
	struct opt_list list;
};

#define S struct opts
/* clang-format off */
static const struct opt table[] = {
	O_FLAG(S, flag, 'f', "flag", "A flag."),
	O_FLAG(S, other, 'o', "no-other", "Another."),
	O_STR(S, text, 't', "text", "TEXT", "Some text."),
	O_WORD(S, word, 0, "word", "one two", "A word."),
	O_U32(S, number, 'n', "number", "N", "A number."),
	O_LIST(S, list, 'l', "list", "ITEM", "Several items with a rather long description."),
	O_HELP,
	O_END
};
/* clang-format on */
#undef S

static struct opts o;
static struct err e;
static char *words[16];
static int n_words, first;

/* Parses a line of words between spaces. */
static int parse(const char *line, int stop_after)
{
	char *rest = arena_strdup(&arena, line), *w;

	words[0] = "skiff";
	n_words = 1;
	while ((w = strtok_r(rest, " ", &rest)))
		words[n_words++] = w;
	words[n_words] = NULL;
	o = (struct opts){ 0 };
	e = (struct err){ 0 };
	return opt_parse(table, n_words, words, stop_after, &arena, &o, &first, &e);
}

static void test_spellings(void **state)
{
	static const char *const lines[] = {
		"--text v --flag id",
		"--text=v -f id",
		"-text v -flag id",
		"-text=v --flag=true id",
		"-t v -f=1 id",
		"-tv --flag id",
		"-ftv id",
		"id --text v --flag",
		"--flag id -ft v",
		"-f -t v -- id",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_int_equal(parse(lines[i], -1), 0);
		assert_string_equal(o.text, "v");
		assert_true(o.flag);
		assert_int_equal(n_words - first, 1);
		assert_string_equal(words[first], "id");
	}
	assert_int_equal(parse("-no-other --flag=false -", -1), 0);
	assert_true(o.other);
	assert_false(o.flag);
	assert_string_equal(words[first], "-");
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(parse("--word two -n 4294967295 -l a --list=b -lc x", -1), 0);
	assert_string_equal(o.word, "two");
	assert_int_equal(o.number, 4294967295u);
	assert_int_equal(o.list.n, 3);
	assert_string_equal(o.list.v[0], "a");
	assert_string_equal(o.list.v[2], "c");
	assert_int_equal(parse("--text= x", -1), 0);
	assert_string_equal(o.text, "");
	/* A value may look like an option. */
	assert_int_equal(parse("--text --flag x", -1), 0);
	assert_string_equal(o.text, "--flag");
	assert_false(o.flag);
}

static void test_end_of_options(void **state)
{
	(void)state;
	assert_int_equal(parse("-f id ls -l --text x", 1), 0);
	assert_int_equal(n_words - first, 5);
	assert_string_equal(words[first], "id");
	assert_string_equal(words[first + 2], "-l");
	assert_null(o.text);
	assert_int_equal(parse("a -f -- b -t", -1), 0);
	assert_int_equal(n_words - first, 3);
	assert_string_equal(words[first], "a");
	assert_string_equal(words[first + 1], "b");
	assert_string_equal(words[first + 2], "-t");
	assert_int_equal(parse("", -1), 0);
	assert_int_equal(n_words - first, 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "--nothing", "unknown option --nothing" },
		{ "--flagg", "unknown option --flagg (did you mean --flag?)" },
		{ "-x", "unknown option -x" },
		{ "--text", "flag needs an argument: --text TEXT" },
		{ "-t", "flag needs an argument: --text TEXT" },
		{ "--word three", "option --word: \"three\" is not one of: one two" },
		{ "--word tw", "option --word: \"tw\" is not one of: one two" },
		{ "--word=", "option --word: \"\" is not one of: one two" },
		{ "-n 4294967296", "option --number: \"4294967296\" is not a number" },
		{ "-n -1", "option --number: \"-1\" is not a number" },
		{ "--flag=maybe", "option --flag: \"maybe\" is not true or false" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(parse(cases[i].line, -1), -1);
		assert_string_equal(e.msg, cases[i].message);
	}
}

static void test_help(void **state)
{
	static const struct usage u = {
		"test",
		"ID",
		"a test",
		"Tests something that takes so many words to tell what\nit is that no "
		"line of a "
		"terminal has enough columns.",
		"skiff test x\nskiff test y",
		table,
	};
	struct buf b;

	(void)state;
	assert_int_equal(parse("--help --nothing", -1), 1);
	assert_int_equal(parse("-fh", -1), 1);
	buf_init(&b, &arena, 4096);
	opt_help(&u, "skiff test", &b);
	assert_non_null(strstr(b.p, "Usage: skiff test [OPTION...] ID\n"));
	assert_non_null(strstr(b.p, "\n  -f, --flag                  A flag.\n"));
	assert_non_null(strstr(
		b.p, "\n      --word WORD             A word. One of: one two.\n"));
	assert_non_null(strstr(
		b.p,
		"\n\nTests something that takes so many words to tell what it is that no "
		"line of a\nterminal has enough columns.\n\nOptions:\n"));
	assert_non_null(strstr(b.p, "\nExample:\n  skiff test x\n  skiff test y\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_spellings),      cmocka_unit_test(test_values),
		cmocka_unit_test(test_end_of_options), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests_name("opt", tests, setup_arena, teardown_arena);
}
