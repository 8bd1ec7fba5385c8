/*
 * The option parser. It takes what runc's does, because engines pass it: --name value,
 * --name=value, the same with one dash (-no-subreaper), -n value, -nvalue, several flags
 * in one word (-it). It does not abbreviate long names.
 */
#include "base/opt.h"

#include <stdio.h>
#include <string.h>

#include "base/names.h"

/* One argument list being taken apart. */
struct parse {
	const struct opt *table;
	int argc;
	char **argv;
	int at;       /* the word in hand */
	int operands; /* moved to the end of what is done so far */
	bool help;
	struct arena *arena;
	void *ret;
	struct err *e;
};

static const struct opt *find_name(const struct opt *table, const char *s, size_t n)
{
	for (; table->name; table++)
		if (strlen(table->name) == n && !memcmp(table->name, s, n))
			return table;
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char c)
{
	/* A question mark asks for help everywhere. */
	for (c = c == '?' ? 'h' : c; table->name; table++)
		if (table->letter == c)
			return table;
	return NULL;
}

const struct opt *opt_find(const struct opt *table, const char *s)
{
	return s[0] && !s[1] ? find_letter(table, *s) : find_name(table, s, strlen(s));
}

static int unknown(const struct parse *p, const char *word, size_t n)
{
	const char *nearest = NULL;
	size_t best = NAMES_FAR(n);

	for (const struct opt *o = p->table; o->name; o++)
		if (!(o->flags & OPT_HIDDEN) && names_nearer(o->name, word, n, &best))
			nearest = o->name;
	if (nearest)
		err_set(p->e, ERR_USAGE, "unknown option %s (did you mean --%s?)",
			p->argv[p->at], nearest);
	else
		err_set(p->e, ERR_USAGE, "unknown option %s", p->argv[p->at]);
	snprintf(p->e->origin, sizeof(p->e->origin), "%.*s", (int)n, word);
	return -1;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t n = strlen(value);

	for (const char *s = choices; n && (s = strstr(s, value)); s += n)
		if ((s == choices || s[-1] == ' ') && (!s[n] || s[n] == ' '))
			return true;
	return false;
}

static int set_flag(const struct parse *p, const struct opt *o, const char *value,
		    bool *ret)
{
	static const struct name words[] = {
		{ "true", 1 }, { "false", 0 }, { "1", 1 }, { "0", 0 }, { NULL, 0 },
	};
	const struct name *w = value ? names_find(words, value, strlen(value))
				     : &words[0];

	if (!w)
		return err_set(p->e, ERR_USAGE,
			       "option --%s: \"%s\" is not true or false", o->name,
			       value);
	*ret = w->value;
	return 0;
}

static void add_to_list(const struct parse *p, struct opt_list *l, const char *value)
{
	if (!l->v)
		l->v = arena_array(p->arena, (size_t)p->argc, sizeof(*l->v));
	l->v[l->n++] = value;
}

static int set(struct parse *p, const struct opt *o, const char *value)
{
	char *at = (char *)p->ret + o->offset;
	uint64_t number;

	if (o->choices && !is_choice(o->choices, value))
		return err_set(p->e, ERR_USAGE, "option --%s: \"%s\" is not one of: %s",
			       o->name, value, o->choices);
	switch (o->kind) {
	case OPT_FLAG:
		return set_flag(p, o, value, (bool *)at);
	case OPT_STR:
		*(const char **)at = value;
		return 0;
	case OPT_PATH:
	case OPT_DIR:
		/* A script's unset variable is no file. */
		*(const char **)at = *value ? value : NULL;
		return 0;
	case OPT_U32:
		if (!parse_u64(value, UINT32_MAX, &number))
			return err_set(p->e, ERR_USAGE,
				       "option --%s: \"%s\" is not a number", o->name,
				       value);
		*(uint32_t *)at = (uint32_t)number;
		return 0;
	case OPT_LIST:
		add_to_list(p, (struct opt_list *)at, value);
		return 0;
	case OPT_HELP:
		p->help = true;
		return 0;
	}
	return 0;
}

static bool takes_value(const struct opt *o)
{
	return o->kind != OPT_FLAG && o->kind != OPT_HELP;
}

/* The next word as value of o, unless the same word has it. */
static int set_with_value(struct parse *p, const struct opt *o, const char *value)
{
	if (!value && takes_value(o)) {
		/* runc's words: Podman asks by them whether a restore into a pod is known. */
		if (p->at + 1 >= p->argc)
			return err_set(p->e, ERR_USAGE, "flag needs an argument: --%s %s",
				       o->name, o->arg);
		value = p->argv[++p->at];
	}
	return set(p, o, value);
}

/* -it, -bDIR, -b DIR */
static int take_letters(struct parse *p, const char *word)
{
	for (const char *c = word; *c; c++) {
		const struct opt *o = find_letter(p->table, *c);

		if (!o)
			return unknown(p, word, c == word ? 1 : strlen(word));
		if (takes_value(o))
			return set_with_value(p, o, c[1] ? c + 1 : NULL);
		if (c[1] == '=')
			return set(p, o, c + 2);
		if (set(p, o, NULL) < 0)
			return -1;
	}
	return 0;
}

static int take_option(struct parse *p, const char *word)
{
	bool two = word[1] == '-';
	const char *name = word + 1 + two;
	const char *equals = strchr(name, '=');
	size_t n = equals ? (size_t)(equals - name) : strlen(name);
	const struct opt *o = n > 1 || two ? find_name(p->table, name, n) : NULL;

	if (o)
		return set_with_value(p, o, equals ? equals + 1 : NULL);
	return two ? unknown(p, name, n) : take_letters(p, name);
}

/* Moves the words [from, to) in front of the operands that were met so far. */
static void move_before_operands(struct parse *p, int from, int to)
{
	for (int i = from; i < to; i++) {
		char *word = p->argv[i];

		memmove(&p->argv[i - p->operands + 1], &p->argv[i - p->operands],
			(size_t)p->operands * sizeof(char *));
		p->argv[i - p->operands] = word;
	}
}

int opt_parse(const struct opt *table, int argc, char **argv, int stop_after,
	      struct arena *arena, void *ret, int *ret_first, struct err *e)
{
	struct parse p = {
		table, argc, argv, .at = 1, .arena = arena, .ret = ret, .e = e
	};

	for (; p.at < argc; p.at++) {
		const char *word = argv[p.at];
		int from = p.at;

		if (stop_after >= 0 && p.operands >= stop_after)
			break;
		if (word[0] != '-' || !word[1]) {
			p.operands++;
			continue;
		}
		if (!strcmp(word, "--")) {
			move_before_operands(&p, from, ++p.at);
			break;
		}
		if (take_option(&p, word) < 0)
			return -1;
		move_before_operands(&p, from, p.at + 1);
		if (p.help)
			return 1;
	}
	*ret_first = p.at - p.operands;
	return 0;
}
