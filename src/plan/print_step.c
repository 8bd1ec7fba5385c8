/*
 * One step in words, by the printed form of its row in ops.def: text with $-letters for the operands. What has no
 * value vanishes together with the sign or bracket around it.
 */
#include <linux/mount.h>
#include <linux/sched.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "plan/build.h"
#include "plan/devices.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static const struct name attr_words[] = { { "ro", MOUNT_ATTR_RDONLY },
					  { "nosuid", MOUNT_ATTR_NOSUID },
					  { "nodev", MOUNT_ATTR_NODEV },
					  { "noexec", MOUNT_ATTR_NOEXEC },
					  { "nodiratime", MOUNT_ATTR_NODIRATIME },
					  { "nosymfollow", 0x00200000 },
					  { NULL } };

static const struct name super_words[] = { { "sync", MS_SYNCHRONOUS },
					   { "dirsync", MS_DIRSYNC },
					   { "mand", MS_MANDLOCK },
					   { "silent", MS_SILENT },
					   { "iversion", MS_I_VERSION },
					   { "lazytime", MS_LAZYTIME },
					   { NULL } };

static const struct name ns_words[] = {
	{ "user", CLONE_NEWUSER },     { "mount", CLONE_NEWNS },  { "pid", CLONE_NEWPID },
	{ "network", CLONE_NEWNET },   { "ipc", CLONE_NEWIPC },   { "uts", CLONE_NEWUTS },
	{ "cgroup", CLONE_NEWCGROUP }, { "time", CLONE_NEWTIME }, { NULL }
};

static const struct name propagation_words[] = { { "private", MS_PRIVATE },
						 { "slave", MS_SLAVE },
						 { "shared", MS_SHARED },
						 { "unbindable", MS_UNBINDABLE },
						 { NULL } };

static const struct name flag_words[] = { { "recursive", STEP_REC },
					  { "directory", STEP_DIR },
					  { "file", STEP_FILE },
					  { "like", STEP_LIKE },
					  { "no link", STEP_NO_SYMLINK },
					  { "link itself", STEP_NOFOLLOW },
					  { "bound", STEP_IN_USERNS },
					  { "accept", STEP_ACCEPT },
					  { "v1", STEP_V1 },
					  { "last chance", STEP_LAST },
					  { "or put back", STEP_PUT_BACK },
					  { NULL } };

static void add_slot(struct buf *b, int slot)
{
	static const char *const names[SLOT_DYNAMIC] = {
		"talk",   "listen", "console", "state",  "cgroup", "pidfd",
		"rootfs", "target", "mount",   "dev",    "masks",  "proc",
		"tty",    "trace",  "net",     "notify", "unit",
	};

	if (slot == SLOT_NONE)
		buf_str(b, "none");
	else if (slot < SLOT_DYNAMIC)
		buf_str(b, names[slot]);
	else
		buf_fmt(b, "#%d", slot - SLOT_DYNAMIC);
}

/* The words of a set, with separator. */
static void add_set(struct buf *b, const struct name *words, uint64_t set)
{
	bool first = true;

	for (; words->text; words++) {
		if (!(set & (uint64_t)words->value))
			continue;
		buf_fmt(b, "%s%s", first ? "" : ",", words->text);
		first = false;
	}
}

static void add_attr(struct buf *b, uint64_t set)
{
	uint64_t atime = set & MOUNT_ATTR__ATIME;
	const char *word = atime == MOUNT_ATTR__ATIME    ? "any-atime"
			   : atime == MOUNT_ATTR_NOATIME ? "noatime"
							 : "strictatime";

	add_set(b, attr_words, set);
	if (atime)
		buf_fmt(b, "%s%s",
			(uint32_t)set & ~(uint32_t)MOUNT_ATTR__ATIME ? "," : "", word);
	if (set >> 32) {
		buf_str(b, (uint32_t)set ? "," : "");
		add_set(b, super_words, set >> 32);
	}
}

static void add_caps(struct buf *b, uint64_t set)
{
	char word[40];
	bool first = true;

	if (!set)
		buf_str(b, "none");
	for (const struct name *n = cap_names(); n->text; n++) {
		size_t i = 0;

		if (!(set >> n->value & 1))
			continue;
		for (const char *c = n->text + 4; *c && i < sizeof(word) - 1; c++)
			word[i++] = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
		word[i] = '\0';
		buf_fmt(b, "%s%s", first ? "" : ",", word);
		first = false;
	}
}

/* Kernel texts have lines; the reader's line stays one. */
static void add_text(struct buf *b, const char *s)
{
	char part[256];

	while (*s) {
		size_t n = strcspn(s, "\n");
		size_t take = n < sizeof(part) ? n : sizeof(part) - 1;

		memcpy(part, s, take);
		part[take] = '\0';
		buf_safe(b, part);
		s += take;
		if (take == n && *s && *++s)
			buf_str(b, "; ");
	}
}

static void add_list(struct buf *b, const struct plan *p, uint64_t at, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++) {
		const char *s = plan_text(p, (uint32_t)at);

		if (i)
			buf_char(b, ' ');
		if (!*s || strpbrk(s, " \t\n\"'"))
			buf_json(b, s);
		else
			buf_safe(b, s);
		at += strlen(s) + 1;
	}
}

static void add_bytes(struct buf *b, const struct plan *p, const struct step *s)
{
	const char *v = plan_text(p, s->str[0]);

	for (uint64_t i = 0; i < s->word[0]; i++)
		buf_fmt(b, "%02x", (unsigned char)v[i]);
}

static void add_ids(struct buf *b, const struct plan *p, const struct step *s)
{
	const uint32_t *v = (const uint32_t *)(const void *)plan_text(p, s->str[0]);

	for (uint64_t i = 0; i < s->word[0]; i++)
		buf_fmt(b, "%s%u", i ? " " : "", v[i]);
}

static void add_number(struct buf *b, int32_t n)
{
	if (n < 0)
		buf_char(b, '*');
	else
		buf_fmt(b, "%d", n);
}

static void add_rules(struct buf *b, const struct plan *p, const struct step *s)
{
	const struct device_bpf *v = (const void *)plan_text(p, s->str[0]);

	for (uint64_t i = 0; i < s->word[0]; i++) {
		buf_fmt(b, "%s%s %c ", i ? "; " : "", v[i].allow ? "allow" : "deny",
			v[i].type);
		add_number(b, v[i].major);
		buf_char(b, ':');
		add_number(b, v[i].minor);
		buf_fmt(b, " %s%s%s", v[i].access & DEV_READ ? "r" : "",
			v[i].access & DEV_WRITE ? "w" : "",
			v[i].access & DEV_MKNOD ? "m" : "");
	}
}

static void add_map(struct buf *b, const struct plan *p, const struct step *s)
{
	if (s->word[0]) {
		buf_str(b, s->op == OP_MAP_UID ? "newuidmap " : "newgidmap ");
		add_list(b, p, s->str[0], s->word[1]);
	} else {
		add_text(b, plan_text(p, s->str[0]));
	}
}

static void add_limit(struct buf *b, uint64_t v)
{
	if (v == UINT64_MAX)
		buf_str(b, "unlimited");
	else
		buf_fmt(b, "%llu", (unsigned long long)v);
}

static void add_word(struct buf *b, char kind, uint64_t w)
{
	const char *name;

	switch (kind) {
	case 'd':
		buf_fmt(b, "%lld", (long long)w);
		break;
	case 'x':
		buf_fmt(b, "%#llx", (unsigned long long)w);
		break;
	case 'o':
		buf_fmt(b, "%04llo", (unsigned long long)w);
		break;
	case 'i':
		add_limit(b, w);
		break;
	case 'm':
		add_attr(b, w);
		break;
	case 'c':
		add_caps(b, w);
		break;
	case 'n':
		add_set(b, ns_words, w);
		if (!w)
			buf_str(b, "no namespaces");
		break;
	case 'p':
		add_set(b, propagation_words, w);
		break;
	case 'k':
		buf_fmt(b, "\"%s\"", sync_name((enum sync)w));
		break;
	case 'v':
		buf_fmt(b, "%u:%u", major(w), minor(w));
		break;
	case 'u':
		buf_fmt(b, "%u:%u", (unsigned)(w >> 32), (unsigned)w);
		break;
	case 'r':
		name = names_text(rlimit_names, (int64_t)w);
		buf_str(b, name ? name : "?");
		break;
	default:
		break;
	}
}

static void add_operand(struct buf *b, const struct plan *p, const struct step *s,
			char kind, unsigned i)
{
	switch (kind) {
	case 's':
		add_text(b, plan_text(p, s->str[i & 1]));
		break;
	case 'f':
		add_slot(b, s->slot[i & 1]);
		break;
	case 'l':
		add_list(b, p, s->str[0], s->word[0]);
		break;
	case 'E':
		add_list(b, p, s->str[1], s->word[1]);
		break;
	case 'e':
		add_list(b, p, s->str[1], s->word[0]);
		break;
	case 'L':
		add_list(b, p, s->word[1], s->word[2]);
		break;
	case 'b':
		add_bytes(b, p, s);
		break;
	case 'G':
		add_ids(b, p, s);
		break;
	case 'R':
		add_rules(b, p, s);
		break;
	case 'g':
		add_map(b, p, s);
		break;
	default:
		add_word(b, kind, s->word[i < 3 ? i : 2]);
		break;
	}
}

static void drop_last(struct buf *b)
{
	b->p[--b->len] = '\0';
}

static bool ends_in(const struct buf *b, size_t start, const char *set)
{
	return b->len > start && strchr(set, b->p[b->len - 1]);
}

/* "$?0{text}": returns what follows. */
static const char *add_condition(struct buf *b, const struct step *s, const char *form)
{
	size_t n = strcspn(form + 2, "}");

	if (s->word[(unsigned)(form[0] - '0') % 3])
		buf_add(b, form + 2, n);
	return form + 2 + n + (form[2 + n] == '}');
}

static void add_form(struct buf *b, const struct plan *p, const struct step *s,
		     const char *form)
{
	size_t start = b->len;

	while (*form) {
		size_t before = b->len;

		if (*form != '$') {
			if (*form != ' ' || !ends_in(b, start, " "))
				buf_char(b, *form);
			form++;
			continue;
		}
		if (form[1] == '?') {
			form = add_condition(b, s, form + 2);
			continue;
		}
		add_operand(b, p, s, form[1], (unsigned)(form[2] - '0'));
		form += 3;
		if (b->len > before)
			continue;
		if (ends_in(b, start, "+-(["))
			drop_last(b);
		if (*form == ')' || *form == ']')
			form++;
	}
	while (ends_in(b, start, " "))
		drop_last(b);
}

static void add_flags(struct buf *b, const struct step *s)
{
	if (!s->flags)
		return;
	buf_str(b, " <");
	add_set(b, flag_words, s->flags);
	if (s->flags & STEP_LIKE) {
		buf_char(b, ' ');
		add_slot(b, s->slot[1]);
	}
	buf_char(b, '>');
}

void plan_print_step(const struct plan *p, const struct step *s, struct buf *b)
{
	add_form(b, p, s, op_info((enum op)s->op)->form);
	add_flags(b, s);
}
