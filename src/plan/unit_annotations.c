/*
 * Annotations "org.systemd.property.NAME": any property of a scope, as text of GVariant. They come last and win over
 * what the configuration was translated to. A time that a human would write ("TimeoutStopSec", seconds) has another name and
 * unit on the bus (TimeoutStopUSec, microseconds): it is converted. What holds the container together is not theirs to
 * change.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "plan/unit.h"
#include "plan/variant.h"

static const char prefix[] = "org.systemd.property.";

static bool is_name(const char *s)
{
	size_t n = strlen(s);

	for (size_t i = 0; i < n; i++)
		if (!isascii((unsigned char)s[i]) || !isalnum((unsigned char)s[i]))
			return false;
	return n >= 3 && n < 128 && isupper((unsigned char)*s);
}

static bool is_ours(const char *name)
{
	static const char *const ours[] = { "Slice", "PIDs", "PIDFDs", "Delegate",
					    "ControlGroup" };

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (!strcmp(name, ours[i]))
			return true;
	return false;
}

/* "TimeoutStopSec", not "TimeoutStopUSec". */
static bool is_seconds(const char *name)
{
	size_t n = strlen(name);

	return n > 3 && !strcmp(name + n - 3, "Sec") &&
	       islower((unsigned char)name[n - 4]);
}

static int to_microseconds(struct unit_properties *u, const char *origin,
			   const char **name, struct variant *v)
{
	const double second = 1e6, most = 1.8e19;
	double value;

	if (strlen(v->type) != 1 || !strchr("ynqiuxtd", *v->type))
		return err_at(u->p->e, ERR_CONFIG, origin,
			      "a time in seconds is to be a number");
	value = strtod(v->words.v[0], NULL) * second;
	if (value < 0 || value > most)
		return err_at(u->p->e, ERR_CONFIG, origin, "%s seconds are out of range",
			      v->words.v[0]);
	*name = arena_printf(u->p->arena, "%.*sUSec", (int)strlen(*name) - 3, *name);
	v->type = "t";
	v->words.v[0] = arena_printf(u->p->arena, "%" PRIu64, (uint64_t)(value + 0.5));
	return 0;
}

static int one(struct unit_properties *u, const char *key, const char *text)
{
	const char *origin = arena_printf(u->p->arena, "annotations.%s", key);
	const char *name = key + sizeof(prefix) - 1, *why;
	struct variant v;

	if (!is_name(name))
		return err_at(u->p->e, ERR_CONFIG, origin,
			      "\"%s\" is no name of a property of systemd's", name);
	if (is_ours(name))
		return err_at(u->p->e, ERR_CONFIG, origin,
			      "this property is the container's own; "
			      "linux.cgroupsPath tells slice and name");
	if (variant_parse(u->p->arena, text, &v, &why))
		return err_at(u->p->e, ERR_CONFIG, origin,
			      "\"%s\" %s; see GVariant's text format", text, why);
	if (is_seconds(name) && to_microseconds(u, origin, &name, &v))
		return -1;
	unit_set_words(u, origin, name, v.type, (const char *const *)v.words.v,
		       v.words.n);
	return 0;
}

int unit_annotations(struct unit_properties *u, const struct spec *s)
{
	for (size_t i = 0; i < s->annotations.n; i++)
		if (!strncmp(s->annotations.v[i].key, prefix, sizeof(prefix) - 1) &&
		    one(u, s->annotations.v[i].key, s->annotations.v[i].value))
			return -1;
	return 0;
}
