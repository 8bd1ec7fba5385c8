/*
 * Properties of a unit: as the words of a request, and changed with a way back. SetUnitProperties takes all or nothing by
 * itself; but what skiff does after it may fail, and then the unit has the old values again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "helpers/bus.h"

static int append(sd_bus_message *m, const char *name, const char *type, struct words *w)
{
	int r = sd_bus_message_open_container(m, 'r', "sv");

	if (r >= 0)
		r = sd_bus_message_append_basic(m, 's', name);
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'v', type);
	if (r >= 0)
		r = value_append(m, type, w);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r >= 0 ? sd_bus_message_close_container(m) : r;
}

int properties_append(sd_bus_message *m, struct words w)
{
	const char *name, *type;
	int r = 0;

	while (r >= 0 && (name = words_next(&w))) {
		type = words_next(&w);
		r = type ? append(m, name, type, &w) : -EINVAL;
	}
	return r;
}

static int new_change(struct bus *b, const char *unit, sd_bus_message **ret)
{
	int r = bus_new_call(b, "SetUnitProperties", ret);

	if (r >= 0)
		r = sd_bus_message_append(*ret, "sb", unit, 1);
	return r >= 0 ? sd_bus_message_open_container(*ret, 'a', "(sv)") : r;
}

/* --- the old values --- */

/* Lists of devices are added to what is there; an empty one removes all. */
static int append_nothing(sd_bus_message *m, const char *name)
{
	return sd_bus_message_append(m, "(sv)", name, "a(st)", 0);
}

static int append_old(struct bus *b, const char *path, const char *name, const char *type,
		      sd_bus_error *error)
{
	sd_bus_message *answer = NULL;
	int r = sd_bus_call_method(b->bus, "org.freedesktop.systemd1", path,
				   "org.freedesktop.DBus.Properties", "Get", error,
				   &answer, "ss", "org.freedesktop.systemd1.Scope", name);

	if (r >= 0 && !strcmp(type, "a(st)"))
		r = append_nothing(b->back, name);
	if (r >= 0)
		r = sd_bus_message_open_container(b->back, 'r', "sv");
	if (r >= 0)
		r = sd_bus_message_append_basic(b->back, 's', name);
	if (r >= 0)
		r = sd_bus_message_copy(b->back, answer, 0);
	if (r >= 0)
		r = sd_bus_message_close_container(b->back);
	sd_bus_message_unref(answer);
	return r;
}

/* --- the change --- */

/* Both calls side by side: the new values, and the old ones. */
static int make_change(struct bus *b, const char *unit, struct words w, sd_bus_message *m,
		       sd_bus_error *error)
{
	const char *name, *type;
	char *path = NULL;
	int r = sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit, &path);

	while (r >= 0 && (name = words_next(&w))) {
		type = words_next(&w);
		r = type ? append(m, name, type, &w) : -EINVAL;
		if (r >= 0)
			r = append_old(b, path, name, type, error);
	}
	free(path);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	return r >= 0 ? sd_bus_message_close_container(b->back) : r;
}

int bus_set(struct bus *b, const char *unit, const struct words *w, struct fault *f)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = new_change(b, unit, &m);

	if (r >= 0)
		r = new_change(b, unit, &b->back);
	if (r >= 0)
		r = make_change(b, unit, *w, m, &error);
	if (r >= 0)
		r = sd_bus_call(b->bus, m, 0, &error, NULL);
	sd_bus_message_unref(m);
	return r < 0 ? bus_refused(f, "set properties of", unit, r, &error) : 0;
}

int bus_put_back(struct bus *b)
{
	return sd_bus_call(b->bus, b->back, 0, NULL, NULL) < 0 ? -1 : 0;
}
