/*
 * A whole plan, for a person (aligned columns) or a program (JSON; "schemaVersion" is raised when a member changes its
 * meaning or goes away).
 */
#include "plan/build.h"

#define SCHEMA_VERSION 1
#define OPERANDS_WIDTH 52

static const char *policy_name(int policy)
{
	switch ((enum policy)policy) {
	case POL_FAIL:
		return "fail";
	case POL_SKIP_ENOENT:
		return "skip-missing";
	case POL_ALT:
		return "or-next";
	case POL_WARN:
		return "warn";
	}
	return "fail";
}

static void text_step(const struct plan *p, const struct step *s, size_t i, struct buf *b)
{
	const char *origin = plan_text(p, s->origin);
	size_t start;

	buf_fmt(b, "%4zu  %-17s ", i, op_info((enum op)s->op)->name);
	start = b->len;
	plan_print_step(p, s, b);
	if (s->policy != POL_FAIL)
		buf_fmt(b, " {%s}", policy_name(s->policy));
	if (*origin) {
		while (b->len - start < OPERANDS_WIDTH && !b->full)
			buf_char(b, ' ');
		buf_str(b, "  ");
		buf_safe(b, origin);
	}
	while (b->p[b->len - 1] == ' ')
		b->p[--b->len] = '\0';
	buf_char(b, '\n');
}

static void text_list(const struct plan *p, const struct steps *list, const char *title,
		      struct buf *b)
{
	buf_fmt(b, "\n%s: %zu steps\n", title, list->n);
	for (size_t i = 0; i < list->n; i++)
		text_step(p, &list->v[i], i, b);
}

void plan_print_text(const struct plan *p, struct buf *b)
{
	if (p->headline)
		buf_fmt(b, "On %s.\n", p->headline);
	for (size_t i = 0; i < p->warnings.n; i++) {
		buf_str(b, "Note: ");
		buf_safe(b, p->warnings.v[i]);
		buf_char(b, '\n');
	}
	text_list(p, &p->host, "skiff, on the host", b);
	text_list(p, &p->init, "init, inside", b);
}

static void json_step(const struct plan *p, const struct step *s, size_t i, struct buf *b)
{
	struct buf text;

	buf_init(&text, p->arena, (size_t)8 << 20);
	plan_print_step(p, s, &text);
	buf_fmt(b, "%s\n    {\"index\": %zu, \"op\": \"%s\", \"text\": ", i ? "," : "", i,
		op_info((enum op)s->op)->name);
	buf_json(b, text.p);
	if (s->origin) {
		buf_str(b, ", \"origin\": ");
		buf_json(b, plan_text(p, s->origin));
	}
	buf_fmt(b, ", \"policy\": \"%s\"}", policy_name(s->policy));
}

static void json_list(const struct plan *p, const struct steps *list, const char *key,
		      struct buf *b)
{
	buf_fmt(b, ",\n  \"%s\": [", key);
	for (size_t i = 0; i < list->n; i++)
		json_step(p, &list->v[i], i, b);
	buf_str(b, list->n ? "\n  ]" : "]");
}

void plan_print_json(const struct plan *p, struct buf *b)
{
	buf_fmt(b, "{\n  \"schemaVersion\": %d,\n  \"host\": ", SCHEMA_VERSION);
	buf_json(b, p->headline ? p->headline : "");
	buf_str(b, ",\n  \"warnings\": [");
	for (size_t i = 0; i < p->warnings.n; i++) {
		buf_str(b, i ? ", " : "");
		buf_json(b, p->warnings.v[i]);
	}
	buf_str(b, "]");
	json_list(p, &p->host, "hostSteps", b);
	json_list(p, &p->init, "initSteps", b);
	buf_str(b, "\n}\n");
}
