/* The table engine: every kind of row, exact numbers, paths of errors, limits,
 * printing. */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "json/load.h"
#include "json/print.h"

struct inner {
	char *name;
	uint64_t size;
};
struct outer {
	bool yes;
	struct opt_bool maybe;
	uint32_t small;
	int64_t signed_;
	uint64_t large;
	struct opt_i64 nice;
	struct opt_u64 mask;
	int colour;
	char *text, *path, *label, *raw;
	strs words, paths;
	LIST(int) colours;
	LIST(int) lenient;
	LIST(uint32_t) ids;
	struct inner *inner, flat;
	LIST(struct inner) list;
	LIST(struct inner) map;
	pairs notes;
};

static const struct name colour_names[] = {
	{ "red", 1 }, { "green", 2 }, { "blue", 3 }, { NULL }
};

/* clang-format off */
static const struct field inner_fields[] = {
	J_STR(struct inner, name, "name", F_REQUIRED, ""),
	J_U64(struct inner, size, "size", 0, ""),
	J_END
};
static const struct type inner_type = { "inner", sizeof(struct inner), inner_fields };

static const struct field map_fields[] = {
	J_U64(struct inner, size, "size", 0, ""),
	J_END
};
static const struct type map_type = { "map", sizeof(struct inner), map_fields };

static const struct field outer_fields[] = {
	J_BOOL(struct outer, yes, "yes", 0, ""),
	J_OBOOL(struct outer, maybe, "maybe", 0, ""),
	J_U32(struct outer, small, "small", F_SHOW, ""),
	J_I64(struct outer, signed_, "signed", 0, ""),
	J_U64(struct outer, large, "large", 0, ""),
	J_OI64(struct outer, nice, "nice", 0, -20, 19, ""),
	J_OU64(struct outer, mask, "mask", 0, 511, ""),
	J_ENUM(struct outer, colour, "type", 0, colour_names, ""),
	J_STR(struct outer, text, "text", F_NONEMPTY, ""),
	J_STR(struct outer, path, "path", F_ABSOLUTE, ""),
	J_STR(struct outer, label, "label", F_BLANK, ""),
	J_RAW(struct outer, raw, "raw", 0, ""),
	J_STRS(struct outer, words, "words", F_NONEMPTY, ""),
	J_STRS(struct outer, paths, "paths", F_ABSOLUTE, ""),
	J_ENUMS(struct outer, colours, "colours", 0, colour_names, ""),
	J_ENUMS(struct outer, lenient, "lenient", F_LENIENT | F_NOCASE, colour_names, ""),
	J_U32S(struct outer, ids, "ids", 0, ""),
	J_OBJ(struct outer, inner, "inner", 0, struct inner, &inner_type, ""),
	J_VAL(struct outer, flat, "flat", 0, struct inner, &inner_type, ""),
	J_OBJS(struct outer, list, "list", 0, struct inner, &inner_type, ""),
	J_OBJMAP(struct outer, map, "map", 0, struct inner, &map_type, ""),
	J_PAIRS(struct outer, notes, "notes", 0, ""),
	J_END
};
static const struct type outer_type = { "outer", sizeof(struct outer), outer_fields };
/* clang-format on */

/* The text stands at the end of a page of its own for ASan: no byte behind it may be
 * read. */
static int load_bytes(const char *text, size_t n, const struct json_notes *notes,
		      struct outer *ret, struct err *e)
{
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, text, n);
	memset(e, 0, sizeof(*e));
	r = json_load(&outer_type, copy, n, "x.json", &arena, notes, ret, e);
	free(copy);
	return r;
}

static int load(const char *text, struct outer *ret, struct err *e)
{
	return load_bytes(quotes(&arena, text), strlen(text), NULL, ret, e);
}

static void load_ok(const char *text, struct outer *ret)
{
	struct err e;

	if (load(text, ret, &e) < 0)
		fail_msg("%s: %s: %s", text, e.origin, e.msg);
}

static const char everything[] =
	"{'yes':true,'maybe':false,'small':4294967295,'signed':-9223372036854775808,"
	"'large':18446744073709551615,'nice':-20,'mask':18,'type':'green','text':'"
	"a\\u00e9\\n',"
	"'path':'/x','label':'l','raw':{'a':[1,{'b':null}]},'words':['a','','c'],"
	"'paths':['/p'],'colours':['blue','red'],'lenient':['GREEN','Blue'],'ids':[0,7],"
	"'inner':{'name':'i','size':9007199254740993},'flat':{'name':'f'},"
	"'list':[{'name':'x'},{'name':'y','size':2}],'map':{'k1':{'size':1},'k 2':{}},"
	"'notes':{'n':'','m.n':'v'}}";

static void test_kinds(void **state)
{
	struct outer o;

	(void)state;
	load_ok(everything, &o);
	assert_true(o.yes && o.maybe.set && !o.maybe.v);
	assert_true(o.small == UINT32_MAX && o.signed_ == INT64_MIN &&
		    o.large == UINT64_MAX);
	assert_true(o.nice.set && o.nice.v == -20 && o.mask.set && o.mask.v == 18);
	assert_int_equal(o.colour, 2);
	assert_string_equal(o.text, "a\xc3\xa9\n");
	assert_string_equal(o.path, "/x");
	assert_string_equal(o.raw, quotes(&arena, "{'a':[1,{'b':null}]}"));
	assert_int_equal(o.words.n, 3);
	assert_string_equal(o.words.v[1], "");
	assert_int_equal(o.colours.n, 2);
	assert_int_equal(o.colours.v[0], 3);
	assert_int_equal(o.lenient.v[0], 2);
	assert_int_equal(o.lenient.v[1], 3);
	assert_int_equal(o.ids.v[1], 7);
	assert_true(o.inner->size == 9007199254740993u);
	assert_string_equal(o.flat.name, "f");
	assert_int_equal(o.list.n, 2);
	assert_true(o.list.v[1].size == 2);
	assert_string_equal(o.map.v[1].name, "k 2");
	assert_string_equal(o.notes.v[1].key, "m.n");
	assert_string_equal(o.notes.v[1].value, "v");
}

static void test_absent(void **state)
{
	struct outer o, zero;

	(void)state;
	memset(&zero, 0, sizeof(zero));
	load_ok("{}", &o);
	assert_memory_equal(&o, &zero, sizeof(o));
	load_ok(" {'yes':null,'nice':null,'type':null,'text':null,'raw':null,'words':"
		"null,\n"
		"'inner':null,'list':null,'map':null,'notes':null,'flat':null} \n",
		&o);
	assert_memory_equal(&o, &zero, sizeof(o));
	load_ok("{'colours':[],'list':[],'notes':{'a':null},'label':''}", &o);
	assert_non_null(o.colours.v);
	assert_non_null(o.list.v);
	assert_int_equal(o.list.n, 0);
	assert_int_equal(o.notes.n, 0);
	assert_null(o.label);
}

static void test_raw(void **state)
{
	static const char *const rows[] = { "1",     "-2.5e3",  "'s'",
					    "true",  "[1, 2]",  "[]",
					    "{}",    "'a\\nb'", "{'x' : ['}',']']}",
					    "[[[]]]" };
	struct outer o;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		load_ok(arena_printf(&arena, "{'raw' :\t%s , 'yes':true}", rows[i]), &o);
		assert_string_equal(o.raw, quotes(&arena, rows[i]));
		assert_true(o.yes);
	}
}

/* Order must not matter, only speed. */
static void test_order(void **state)
{
	struct outer o;

	(void)state;
	load_ok("{'notes':{},'yes':true,'map':{},'small':3,'text':'t','maybe':true}", &o);
	assert_true(o.yes && o.small == 3 && o.maybe.v);
	assert_string_equal(o.text, "t");
}

static void test_long_list(void **state)
{
	struct outer o;
	struct buf b;

	(void)state;
	buf_init(&b, &arena, 1 << 22);
	buf_str(&b, "{'list':[");
	for (int i = 0; i < 5000; i++)
		buf_fmt(&b, "%s{'name':'n%d','size':%d}", i ? "," : "", i, i);
	buf_str(&b, "],'ids':[");
	for (int i = 0; i < 60000; i++)
		buf_fmt(&b, "%s%d", i ? "," : "", i);
	buf_str(&b, "]}");
	load_ok(b.p, &o);
	assert_int_equal(o.list.n, 5000);
	assert_int_equal(o.ids.n, 60000);
	for (int i = 0; i < 5000; i++) {
		char name[16];

		snprintf(name, sizeof(name), "n%d", i);
		assert_string_equal(o.list.v[i].name, name);
		assert_int_equal(o.list.v[i].size, i);
	}
	for (unsigned i = 0; i < 60000; i++)
		assert_true(o.ids.v[i] == i);
}

static const struct {
	const char *text, *want;
} faults[] = {
	{ "{'yes':1}", "yes: expected true or false, found a number" },
	{ "{'small':'1'}", "small: expected a number, found a string" },
	{ "{'small':true}", "small: expected a number, found true or false" },
	{ "{'small':[1]}", "small: expected a number, found an array" },
	{ "{'text':{}}", "text: expected a string, found an object" },
	{ "{'words':'a'}", "words: expected an array, found a string" },
	{ "{'words':{}}", "words: expected an array, found an object" },
	{ "{'words':['a',null]}", "words[1]: expected a string, found null" },
	{ "{'words':['a',['b']]}", "words[1]: expected a string, found an array" },
	{ "{'inner':[]}", "inner: expected an object, found an array" },
	{ "{'inner':3}", "inner: expected an object, found a number" },
	{ "{'list':[{'name':'a'},3]}", "list[1]: expected an object, found a number" },
	{ "{'list':[{'name':'a'},{'name':{}}]}", "list[1].name: expected a string" },
	{ "{'list':[{'name':'a'},{}]}", "list[1]: required key \"name\" is missing" },
	{ "{'inner':{'size':1}}", "inner: required key \"name\" is missing" },
	{ "{'inner':{'name':null}}", "inner: required key \"name\" is missing" },
	{ "{'flat':{}}", "flat: required key \"name\" is missing" },
	{ "{'map':{'a':{},'b':[]}}", "map.b: expected an object, found an array" },
	{ "{'map':{'a b':{'size':-1}}}", "map[\"a b\"].size: -1 is out of range" },
	{ "{'map':[]}", "map: expected an object, found an array" },
	{ "{'notes':{'a.b':1}}", "notes[\"a.b\"]: expected a string, found a number" },
	{ "{'notes':{'a':'','b':{}}}", "notes.b: expected a string, found an object" },
	{ "{'notes':{'a':'','b':'','a':''}}", "notes: the key \"a\" is given twice" },
	{ "{'map':{'a':{},'a':{}}}", "map: the key \"a\" is given twice" },
	{ "{'yes':true,'yes':true}", "yes: the key is given twice" },
	{ "{'yes':null,'yes':null}", "yes: the key is given twice" },
	{ "{'ids':[1,-1]}", "ids[1]: -1 is out of range (0 to 4294967295)" },
	{ "{'ids':[4294967296]}",
	  "ids[0]: 4294967296 is out of range (0 to 4294967295)" },
	{ "{'small':99999999999999999999}",
	  "small: 99999999999999999999 is out of range" },
	{ "{'large':18446744073709551616}",
	  "large: 18446744073709551616 is out of range" },
	{ "{'large':-1}", "large: -1 is out of range" },
	{ "{'signed':9223372036854775808}",
	  "signed: 9223372036854775808 is out of range" },
	{ "{'signed':-9223372036854775809}",
	  "signed: -9223372036854775809 is out of range" },
	{ "{'small':1.0}", "small: expected a whole number, found 1.0" },
	{ "{'small':1e3}", "small: expected a whole number, found 1e3" },
	{ "{'signed':-0.5}", "signed: expected a whole number, found -0.5" },
	{ "{'nice':20}", "nice: 20 is out of range (-20 to 19)" },
	{ "{'nice':-21}", "nice: -21 is out of range (-20 to 19)" },
	{ "{'mask':512}", "mask: 512 is out of range (0 to 511)" },
	{ "{'type':'gren'}", "type: unknown outer \"gren\" (did you mean \"green\"?)" },
	{ "{'type':'RED'}", "type: unknown outer \"RED\" (did you mean \"red\"?)" },
	{ "{'type':'violet'}",
	  "type: unknown outer \"violet\" (one of: red, green, blue)" },
	{ "{'type':''}", "type: unknown outer \"\"" },
	{ "{'colours':['red','blu']}",
	  "colours[1]: unknown word \"blu\" (did you mean \"blue\"" },
	{ "{'text':''}", "text: must not be empty" },
	{ "{'words':[]}", "words: must not be empty" },
	{ "{'path':'x'}", "path: must be an absolute path" },
	{ "{'path':''}", "path: must be an absolute path" },
	{ "{'paths':['/a','b']}", "paths[1]: must be an absolute path" },
	/* Syntax: line and column, no path. */
	{ "", "x.json: line 1, column 1: the text ends too early" },
	{ "{", "x.json: line 1, column 2: the text ends too early" },
	{ "{'yes':true", "the text ends too early" },
	{ "{'text':'abc", "the text ends too early" },
	{ "{]", "line 1, column 2: expected a key" },
	{ "{'yes':true,}", "line 1, column 13: expected a key" },
	{ "{'yes' true}", "line 1, column 8: expected ':'" },
	{ "{'yes':true 'a':1}", "line 1, column 13: expected ',' or '}'" },
	{ "{'words':['a'\n\n 'b']}", "line 3, column 2: expected ',' or ']'" },
	{ "{'yes':treu}", "line 1, column 8: unknown word" },
	{ "{'small':-}", "expected a digit after the minus sign" },
	{ "{'small':1.}", "expected a digit after the decimal point" },
	{ "{'small':1e}", "expected a digit in the exponent" },
	{ "{'text':'a\nb'}", "control character in a string" },
	{ "{'text':'\\x41'}", "unknown escape in a string" },
	{ "{'text':'\\u12'}", "expected four hex digits after \\u" },
	{ "{'text':'\\u0000'}", "line 1, column 10: NUL character in a string" },
	{ "{'\\u0000':1}", "NUL character in a string" },
	{ "{'text':'\xff'}", "line 1, column 10: invalid UTF-8" },
	{ "{'text':'\xe2\x82'}", "invalid UTF-8 in a string" },
	{ "{'text':'\xc0\xaf'}", "line 1, column 10: invalid UTF-8" },
	{ "{'text':'a\xe0\x80\xaf'}", "column 11: invalid UTF-8" },
	{ "{'text':'\xed\xa0\x80'}", "invalid UTF-8" },
	{ "{'text':'\xf0\x80\x80\xaf'}", "invalid UTF-8" },
	{ "{'text':'\xf4\x90\x80\x80'}", "invalid UTF-8" },
	{ "{'text':'\\ud800'}", "line 1, column 10: half of a surrogate pair" },
	{ "{'text':'\\ud800\\'", "half of a surrogate pair" },
	{ "{'text':'\\ud800\\n'}", "half of a surrogate pair" },
	{ "{'text':'\\ud800\\u0041'}", "half of a surrogate pair" },
	{ "{'text':'\\udc00'}", "half of a surrogate pair" },
	{ "{'text':'\\uD800\\uDB", "half of a surrogate pair" },
	{ "/* x */ {}", "comments are not allowed" },
	{ "{} {}", "line 1, column 4: text after the end" },
	{ "{}x", "text after the end" },
	{ "[]", "x.json: expected an object, found an array" },
	{ "'a'", "x.json: expected an object" },
	{ "\xef\xbb\xbf{}", "line 1, column 1: unexpected character" },
};

static void test_faults(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(faults); i++) {
		char got[1500];
		struct outer o;
		struct err e;

		if (!load(faults[i].text, &o, &e))
			fail_msg("%s was accepted", faults[i].text);
		snprintf(got, sizeof(got), "%s%s%s", e.origin, *e.origin ? ": " : "",
			 e.msg);
		if (!strstr(got, faults[i].want))
			fail_msg("%s: \"%s\" instead of \"%s\"", faults[i].text, got,
				 faults[i].want);
		assert_int_equal(e.code, ERR_CONFIG);
	}
}

static void test_surrogates(void **state)
{
	struct outer o;

	(void)state;
	load_ok("{'text':'\\ud83d\\ude00\\\\ud800\\u00e9'}", &o);
	assert_string_equal(o.text, "\xf0\x9f\x98\x80\\ud800\xc3\xa9");
}

/* Every prefix of a text, without a byte behind it: an error, no read beyond (ASan). */
static void test_prefixes(void **state)
{
	char *text = quotes(&arena, everything);
	struct outer o;
	struct err e;

	(void)state;
	for (size_t n = 0; n < strlen(text); n++)
		assert_int_equal(load_bytes(text, n, NULL, &o, &e), -1);
}

/* One byte changed at a time must end in a verdict, whichever. */
static void test_mutations(void **state)
{
	static const char bytes[] = "\"\\{}[],:0-u\x80\xff\n";
	char *text = quotes(&arena, everything);
	size_t len = strlen(text);

	(void)state;
	for (size_t i = 0; i < len; i++) {
		char saved = text[i];

		for (size_t k = 0; k < sizeof(bytes); k++) {
			struct outer o;
			struct err e;
			struct arena mine;

			assert_int_equal(arena_init(&mine), 0);
			text[i] = bytes[k];
			json_load(&outer_type, text, len, "x", &mine, NULL, &o, &e);
			arena_done(&mine);
		}
		text[i] = saved;
	}
}

struct heard {
	char text[4096];
	unsigned faults, notes;
};

static void hear_note(void *ctx, const char *path, const char *word, const char *hint)
{
	struct heard *h = ctx;
	size_t n = strlen(h->text);

	h->notes++;
	snprintf(h->text + n, sizeof(h->text) - n, "%s %s %s\n", path, word,
		 hint ? hint : "-");
}

static void hear_fault(void *ctx, const struct err *e)
{
	struct heard *h = ctx;
	size_t n = strlen(h->text);

	h->faults++;
	snprintf(h->text + n, sizeof(h->text) - n, "%s: %s\n", e->origin, e->msg);
}

static void test_unknown(void **state)
{
	struct heard h = { "" };
	struct json_notes notes = { .note = hear_note, .ctx = &h };
	const char *text = quotes(
		&arena, "{'Yes':[[{'a':[]}],null],'x':1,'list':[{'name':'a','sice':{}}],"
			"'lenient':['red','purple','gren'],'notes':{},'yes':true}");
	struct outer o;
	struct err e;

	(void)state;
	assert_int_equal(load_bytes(text, strlen(text), &notes, &o, &e), 0);
	assert_string_equal(h.text,
			    " Yes yes\n x -\nlist[0] sice size\nlenient[1] purple -\n"
			    "lenient[2] gren green\n");
	assert_true(o.yes);
	assert_int_equal(o.lenient.n, 1);
}

static void test_collecting(void **state)
{
	struct heard h = { "" };
	struct json_notes notes = { .fault = hear_fault, .ctx = &h };
	const char *text = quotes(
		&arena, "{'yes':[1,{'a':[]}],'small':1.5,'words':['a',{'x':[1]},3,'b'],"
			"'list':[{},7,[],{'name':'n'}],'inner':'no',"
			"'map':{'a':3,'b':[],'c':{'size':1}},'large':7}");
	struct outer o;
	struct err e;

	(void)state;
	assert_int_equal(load_bytes(text, strlen(text), &notes, &o, &e), 0);
	assert_int_equal(h.faults, 10);
	assert_true(o.large == 7 && !o.inner && !o.yes && !o.small);
	assert_int_equal(o.words.n, 2);
	assert_string_equal(o.words.v[1], "b");
	/* Elements keep their places. */
	assert_int_equal(o.list.n, 4);
	assert_string_equal(o.list.v[3].name, "n");
	assert_non_null(strstr(h.text, "words[2]: expected a string, found a number\n"));
	assert_non_null(strstr(h.text, "list[2]: expected an object, found an array\n"));
	text = quotes(&arena, "{'yes':1,'small':x}");
	assert_int_equal(load_bytes(text, strlen(text), &notes, &o, &e), -1);
}

static char *repeat(const char *head, const char *unit, size_t n, const char *tail)
{
	struct buf b;

	buf_init(&b, &arena, 64 << 20);
	buf_str(&b, head);
	for (size_t i = 0; i < n; i++)
		buf_str(&b, unit);
	buf_str(&b, tail);
	return b.p;
}

static void expect(const char *text, const char *want)
{
	struct outer o;
	struct err e;

	assert_int_equal(load(text, &o, &e), -1);
	if (!strstr(e.msg, want))
		fail_msg("\"%s\" instead of \"%s\"", e.msg, want);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void test_limits(void **state)
{
	static char huge[JSON_MAX_SIZE + 1];
	double start = seconds();
	struct outer o;
	struct err e;

	(void)state;
	expect(repeat("{'x':", "[", 100000, ""), "nested more than 64 levels");
	expect(repeat("{'x':", "{'a':", 100000, ""), "nested more than 64 levels");
	expect(repeat("{'ids':[0", ",1", 65536, "]}"), "more than 65536 elements");
	expect(repeat("{'colours':['red'", ",'red'", 65536, "]}"),
	       "more than 65536 elements");
	expect(repeat("{'z':1", ",'a':1", 65536, "}"), "more than 65536 keys");
	expect(repeat("{'text':'", "0123456789abcdef", 65537, "'}"),
	       "string of 1048592 bytes");
	expect(repeat("{'", "0123456789abcdef", 65537, "':1}"), "key of 1048592 bytes");
	load_ok(repeat("{'text':'", "0123456789abcdef", 65536, "'}"), &o);
	assert_int_equal(strlen(o.text), 1 << 20);
	load_ok(repeat("{'x':", "[", 63, repeat("", "]", 63, "}")), &o);
	assert_int_equal(
		json_load(&outer_type, huge, sizeof(huge), "h", &arena, NULL, &o, &e),
		-1);
	assert_string_equal(e.msg, "h is larger than 16 MiB");
	assert_true(seconds() - start < 5);
}

/* Small texts must not unpack to more than the arena: many lists of large elements. */
static void test_amplification(void **state)
{
	const char *part = repeat("'list':[{}", ",{}", 65535, "]");
	struct heard h = { "" };
	struct json_notes notes = { .fault = hear_fault, .ctx = &h };
	struct outer o;
	struct err e;

	(void)state;
	part = quotes(&arena, arena_printf(&arena, "{%s}", part));
	assert_int_equal(load_bytes(part, strlen(part), &notes, &o, &e), -1);
	/* Missing names: reporting ends by itself. */
	assert_int_equal(h.faults, 1000);
	arena_alloc(&arena, arena_left(&arena) - (100 << 20));
	part = quotes(&arena, repeat("{'ids':[1", ",1", 60000, "]}"));
	assert_int_equal(load_bytes(part, strlen(part), NULL, &o, &e), 0);
	arena_alloc(&arena, arena_left(&arena) - (97 << 20));
	assert_int_equal(load_bytes(part, strlen(part), NULL, &o, &e), 0);
	arena_alloc(&arena, arena_left(&arena) - (96 << 20));
	assert_int_equal(load_bytes(part, strlen(part), NULL, &o, &e), -1);
}

static void test_file(void **state)
{
	char name[] = "/tmp/skiff-json-XXXXXX", *text;
	int fd = mkstemp(name);
	struct outer o;
	struct err e;
	size_t n;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"yes\":true}", 12), 12);
	assert_int_equal(json_load_file(&outer_type, AT_FDCWD, name, &arena, NULL, &o,
					&text, &n, &e),
			 0);
	assert_true(o.yes && n == 12);
	assert_int_equal(ftruncate(fd, 2100l << 20), 0);
	assert_int_equal(json_load_file(&outer_type, AT_FDCWD, name, &arena, NULL, &o,
					NULL, NULL, &e),
			 -1);
	assert_non_null(strstr(e.msg, "is larger than 16 MiB"));
	close(fd);
	unlink(name);
	assert_int_equal(json_load_file(&outer_type, AT_FDCWD, name, &arena, NULL, &o,
					NULL, NULL, &e),
			 -1);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(json_load_file(&outer_type, AT_FDCWD, "/", &arena, NULL, &o,
					NULL, NULL, &e),
			 -1);
	assert_non_null(strstr(e.msg, "is not a regular file"));
	assert_int_equal(json_load_file(&outer_type, AT_FDCWD, "/dev/zero", &arena, NULL,
					&o, NULL, NULL, &e),
			 -1);
	assert_non_null(strstr(e.msg, "is not a regular file"));
}

static char *print(const struct outer *o, enum json_style style)
{
	struct buf b;

	buf_init(&b, &arena, 1 << 20);
	json_print(&b, &outer_type, o, style);
	assert_false(b.full);
	return b.p;
}

static void test_print(void **state)
{
	struct outer o;
	char *first;

	(void)state;
	load_ok("{}", &o);
	assert_string_equal(print(&o, JSON_COMPACT), "{\"small\":0}");
	load_ok("{'small':1,'words':['a'],'colours':[],'inner':{'name':'x'},'notes':{}}",
		&o);
	assert_string_equal(
		print(&o, JSON_PRETTY),
		"{\n  \"small\": 1,\n  \"words\": [\n    \"a\"\n  ],\n  \"colours\": "
		"[],\n"
		"  \"inner\": {\n    \"name\": \"x\"\n  },\n  \"notes\": {}\n}");
	/* What was printed loads to the same. */
	load_ok(everything, &o);
	first = print(&o, JSON_COMPACT);
	load_ok(first, &o);
	assert_string_equal(print(&o, JSON_COMPACT), first);
	load_ok(print(&o, JSON_PRETTY), &o);
	assert_string_equal(print(&o, JSON_COMPACT), first);
	assert_non_null(strstr(first, "\"large\":18446744073709551615"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup_arena, teardown_arena)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kinds),         TEST(test_absent),     TEST(test_raw),
		TEST(test_order),         TEST(test_long_list),  TEST(test_faults),
		TEST(test_surrogates),    TEST(test_prefixes),   TEST(test_mutations),
		TEST(test_unknown),       TEST(test_collecting), TEST(test_limits),
		TEST(test_amplification), TEST(test_file),       TEST(test_print),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
