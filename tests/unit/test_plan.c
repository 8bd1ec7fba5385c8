/* The plan's own machinery: strings, lists, slots, the flat form, printing; and the table of mount options. */
#include "test.h"

#include <linux/mount.h>

#include "plan/build.h"
#include "plan/mount_options.h"
#include "plan/parts.h"

struct fixture {
	struct arena arena;
	struct plan p;
	struct err e;
};

static int set_up(void **state)
{
	static struct fixture f;

	f = (struct fixture){ 0 };
	if (arena_init(&f.arena))
		return -1;
	plan_start(&f.p, &f.arena, &f.e);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	arena_done(&((struct fixture *)*state)->arena);
	return 0;
}

/* --- strings and steps --- */

static void test_strings(void **state)
{
	struct plan *p = &((struct fixture *)*state)->p;
	const char *list[] = { "one", "", "three" };
	uint32_t a = plan_str(p, "text"), empty = plan_str(p, ""),
		 l = plan_list(p, list, 3);
	uint32_t bytes = plan_bytes(p, "\1\2\3", 3);

	assert_int_equal(plan_str(p, NULL), 0);
	assert_int_equal(plan_list(p, list, 0), 0);
	assert_int_not_equal(empty, 0);
	assert_string_equal(plan_text(p, a), "text");
	assert_string_equal(plan_text(p, empty), "");
	assert_string_equal(plan_text(p, 0), "");
	assert_memory_equal(plan_text(p, l), "one\0\0three\0", 11);
	assert_int_equal(bytes % 8, 0);
	assert_memory_equal(plan_text(p, bytes), "\1\2\3", 3);
}

static void test_origins(void **state)
{
	struct plan *p = &((struct fixture *)*state)->p;
	uint32_t first = plan_init(p, OP_TARGET, "mounts[%d]", 1)->origin;
	uint32_t same = plan_init(p, OP_FS, "mounts[%d]", 1)->origin;
	uint32_t other = plan_init(p, OP_FS, "mounts[%d]", 2)->origin;

	assert_int_equal(first, same);
	assert_int_not_equal(same, other);
	assert_string_equal(plan_text(p, other), "mounts[2]");
	assert_int_equal(plan_init(p, OP_SESSION, NULL)->origin, 0);
}

static void test_many_steps(void **state)
{
	struct plan *p = &((struct fixture *)*state)->p;

	for (unsigned i = 0; i < 1000; i++)
		plan_host(p, OP_TELL, NULL)->word[0] = i;
	assert_int_equal(p->host.n, 1000);
	for (unsigned i = 0; i < 1000; i++)
		assert_int_equal(p->host.v[i].word[0], i);
}

static void test_too_large(void **state)
{
	struct fixture *f = *state;
	char *text = arena_alloc(&f->arena, (1 << 20) + 1);

	memset(text, 'x', 1 << 20);
	for (int i = 0; i < 50; i++)
		plan_str(&f->p, text);
	assert_int_equal(plan_end(&f->p), -1);
	assert_int_equal(f->e.code, ERR_CONFIG);
}

static void test_slots(void **state)
{
	struct plan *p = &((struct fixture *)*state)->p;

	assert_int_equal(plan_slot(p), SLOT_DYNAMIC);
	assert_int_equal(plan_slot(p), SLOT_DYNAMIC + 1);
	assert_int_equal(p->n_slots, SLOT_DYNAMIC + 2);
}

/* --- the flat form --- */

static void test_flatten(void **state)
{
	struct fixture *f = *state;
	struct plan *p = &f->p;
	const uint64_t filter[2] = { 11, 22 };
	int slots[SLOT_DYNAMIC + 1];
	const struct plan_flat *flat;
	const struct step *steps;
	struct buf b;

	plan_init(p, OP_HOSTNAME, "hostname")->str[0] = plan_str(p, "box");
	plan_init(p, OP_EXEC, NULL)->word[0] = 7;
	plan_slot(p);
	p->n_scratch = 40;
	for (int i = 0; i < p->n_slots; i++)
		slots[i] = i - 1;
	plan_flatten(p, slots, filter, 2, 99, &b);

	flat = (const void *)b.p;
	assert_int_equal(flat->magic, PLAN_MAGIC);
	assert_int_equal(flat->version, PLAN_VERSION);
	assert_int_equal(flat->size, b.len);
	assert_int_equal(flat->first_free, 99);
	assert_int_equal(flat->n_steps, 2);
	steps = (const void *)(b.p + flat->steps);
	assert_string_equal(b.p + flat->strings + steps[0].str[0], "box");
	assert_string_equal(b.p + flat->strings + steps[0].origin, "hostname");
	assert_int_equal(steps[1].word[0], 7);
	assert_int_equal(flat->n_slots, SLOT_DYNAMIC + 1);
	assert_memory_equal(b.p + flat->slots, slots, sizeof(slots));
	assert_memory_equal(b.p + flat->filter, filter, sizeof(filter));
	assert_int_equal(flat->n_scratch, 40);
	assert_true(flat->scratch + flat->n_scratch <= flat->size);
	for (uint32_t i = 0; i < flat->n_scratch; i++)
		assert_int_equal(b.p[flat->scratch + i], 0);
	/* Bytes keep their alignment, because every part begins at a multiple of 8. */
	assert_int_equal((flat->steps | flat->slots | flat->filter | flat->strings |
			  flat->scratch) %
				 8,
			 0);
}

/* --- the table of operations, printing --- */

static void test_ops(void **state)
{
	(void)state;
	for (int op = 1; op < OP_COUNT; op++) {
		const struct op_info *info = op_info((enum op)op);

		assert_true(*info->name && *info->doc);
		assert_true(info->who & WHO_BOTH);
		assert_int_equal(info->doc[strlen(info->doc) - 1], '.');
		for (int other = 1; other < op; other++)
			assert_string_not_equal(info->name,
						op_info((enum op)other)->name);
	}
	for (int s = 1; s < SYNC_COUNT; s++)
		assert_true(*sync_name((enum sync)s));
}

static void expect(struct plan *p, const struct step *s, const char *text)
{
	struct buf b;

	buf_init(&b, p->arena, 4096);
	plan_print_step(p, s, &b);
	assert_string_equal(b.p, text);
}

static void test_print(void **state)
{
	struct plan *p = &((struct fixture *)*state)->p;
	struct step *s = plan_init(p, OP_MOUNT_ATTR, NULL);

	s->slot[0] = SLOT_MOUNT;
	s->word[2] = MS_SLAVE;
	expect(p, s, "mount slave");
	s->word[0] = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME;
	s->word[1] = MOUNT_ATTR__ATIME;
	s->flags = STEP_REC;
	expect(p, s, "mount +ro,noatime -any-atime slave <recursive>");
	s = plan_init(p, OP_HOSTNAME, NULL);
	s->str[0] = plan_str(p, "a\nb\033]0;x\007");
	expect(p, s, "a; b\\x1b]0;x\\x07");
}

/* No operand makes the printing go wrong: every operation with every word at its largest. */
static void test_print_extremes(void **state)
{
	struct plan *p = &((struct fixture *)*state)->p;
	struct buf b;

	buf_init(&b, p->arena, 1 << 20);
	for (int op = 0; op < OP_COUNT; op++) {
		struct step s = { .op = (uint8_t)op,
				  .slot = { 99, -1 },
				  .flags = 0xffff };

		plan_print_step(p, &s, &b);
		/* Lists and bytes are as long as a word says: only counts that the plan has. */
		if (op == OP_EXEC || op == OP_FS || op == OP_GROUPS ||
		    op == OP_DEVICES_LOAD || op == OP_SCHEDULER || op == OP_AFFINITY ||
		    op == OP_MAP_UID || op == OP_MAP_GID || op == OP_UNIT_OPEN ||
		    op == OP_UNIT_PROPERTY)
			continue;
		s.word[0] = s.word[1] = s.word[2] = UINT64_MAX;
		plan_print_step(p, &s, &b);
	}
	assert_false(b.full);
}

/* --- mount options --- */

static void test_options_sorted(void **state)
{
	(void)state;
	for (size_t i = 0; mount_options[i].name; i++) {
		if (i)
			assert_true(strcmp(mount_options[i - 1].name,
					   mount_options[i].name) < 0);
		assert_ptr_equal(mount_option_find(mount_options[i].name),
				 &mount_options[i]);
		assert_true(*mount_options[i].help);
	}
	assert_null(mount_option_find("size=1m"));
}

/* "Linux mount options" of config.md, runtime-spec 1.3. */
static void test_options_complete(void **state)
{
	static const char *const all[] = {
		"async",        "atime",       "bind",           "defaults",
		"dev",          "diratime",    "dirsync",        "exec",
		"iversion",     "lazytime",    "loud",           "noatime",
		"nodev",        "nodiratime",  "noexec",         "noiversion",
		"nolazytime",   "norelatime",  "nostrictatime",  "nosuid",
		"nosymfollow",  "private",     "ratime",         "rbind",
		"rdev",         "rdiratime",   "relatime",       "remount",
		"rexec",        "rnoatime",    "rnodev",         "rnodiratime",
		"rnoexec",      "rnorelatime", "rnostrictatime", "rnosuid",
		"rnosymfollow", "ro",          "rprivate",       "rrelatime",
		"rro",          "rrw",         "rshared",        "rslave",
		"rstrictatime", "rsuid",       "rsymfollow",     "runbindable",
		"rw",           "shared",      "silent",         "slave",
		"strictatime",  "suid",        "symfollow",      "sync",
		"tmpcopyup",    "unbindable",  "idmap",          "ridmap",
		"mand",         "nomand",      "dest-nofollow",  "copy-symlink",
		"src-nofollow",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(all); i++)
		if (!mount_option_find(all[i]))
			fail_msg("%s", all[i]);
}

static struct mount_wish wish(struct arena *a, const char *const *v, size_t n)
{
	strs options = { .v = (char **)v, .n = n };
	struct mount_wish w;

	mount_options_read(&options, a, &w);
	return w;
}

#define WISH(...) \
	wish(&f->arena, (const char *const[]){ __VA_ARGS__ }, \
	     COUNT(((const char *const[]){ __VA_ARGS__ })))

static void test_options_read(void **state)
{
	struct fixture *f = *state;
	struct mount_wish w = WISH("ro", "nosuid", "rw", "noatime", "relatime");

	/* The later one wins. */
	assert_int_equal(w.set, MOUNT_ATTR_NOSUID);
	assert_int_equal(w.clear, MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME);
	w = WISH("rw", "ro");
	assert_int_equal(w.set, MOUNT_ATTR_RDONLY);
	assert_int_equal(w.clear, 0);
	w = WISH("rbind", "rro", "rslave", "rnoatime");
	assert_true(w.bind && w.rec);
	assert_int_equal(w.rec_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME);
	assert_int_equal(w.rec_clear, MOUNT_ATTR__ATIME);
	assert_int_equal(w.propagation, MS_SLAVE);
	w = WISH("mode=755", "sync", "rsync", "silent", "", "huge");
	assert_int_equal(w.data.n, 2);
	assert_string_equal(w.data.v[1], "huge");
	assert_int_equal(w.super, MS_SYNCHRONOUS | MS_SILENT);
	assert_int_equal(
		WISH("rsync", "async", "lazytime", "iversion", "noiversion").super,
		MS_LAZYTIME);
	w = WISH("remount", "ro", "bind", "nodev", "dev", "private");
	assert_true(w.remount);
	assert_int_equal(w.ms, MS_REMOUNT | MS_RDONLY | MS_BIND);
	assert_true(WISH("idmap=uids=0-1-10").idmap);
	assert_true(WISH("tmpcopyup").copy_up);
}

/* --- paths --- */

static void test_clean(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "/a/b", "/a/b" },    { "a", "/a" },          { "", "/" },
		{ "/", "/" },          { "//a///b/", "/a/b" }, { "/a/./b/.", "/a/b" },
		{ "/a/../b", "/b" },   { "/../..", "/" },      { "../x", "/x" },
		{ "/a/b/../..", "/" }, { "/a/..b", "/a/..b" }, { "/...", "/..." },
	};
	struct fixture *f = *state;
	struct build b = { .p = &f->p };

	for (size_t i = 0; i < COUNT(cases); i++)
		assert_string_equal(part_clean(&b, cases[i].in), cases[i].out);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	static const struct CMUnitTest tests[] = {
		T(test_strings),
		T(test_origins),
		T(test_many_steps),
		T(test_too_large),
		T(test_slots),
		T(test_flatten),
		T(test_ops),
		T(test_print),
		T(test_print_extremes),
		T(test_options_sorted),
		T(test_options_complete),
		T(test_options_read),
		T(test_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
