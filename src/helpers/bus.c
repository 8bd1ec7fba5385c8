/*
 * A conversation with systemd: what org.freedesktop.systemd1(5) calls Manager. Starting a unit is one call and one
 * signal, JobRemoved. On systemd's own socket nothing else is said; on a bus there is the greeting and a subscription, which
 * is not waited for.
 */
#include "helpers/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	CALL_US = 25000000,
	JOB_US = 60000000,
	TRIES = 3,
	TAKEN_US = 500000,
	PAUSE_US = 5000
};

static const char service[] = "org.freedesktop.systemd1";
static const char object[] = "/org/freedesktop/systemd1";
static const char manager[] = "org.freedesktop.systemd1.Manager";

int fault_set(struct fault *f, int error, const char *form, ...)
{
	va_list ap;

	f->error = error;
	va_start(ap, form);
	vsnprintf(f->words, sizeof(f->words), form, ap);
	va_end(ap);
	return -1;
}

/* The error of a method: systemd's own words. */
int bus_refused(struct fault *f, const char *what, const char *unit, int r,
		sd_bus_error *error)
{
	const char *words = error->message ? error->message : strerror(-r);

	if (r == -ETIMEDOUT && !error->message)
		words = "it does not answer";
	fault_set(f, -r, "%s %s: %s", what, unit, words);
	sd_bus_error_free(error);
	return -1;
}

/* --- connecting --- */

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int try_address(struct bus *b, const char *address)
{
	static const char prefix[] = "private:";
	bool private = !strncmp(address, prefix, sizeof(prefix) - 1);
	sd_bus *bus = NULL;
	int r = sd_bus_new(&bus);

	if (r >= 0)
		r = sd_bus_set_address(bus, address + (private ? sizeof(prefix) - 1 : 0));
	if (r >= 0)
		r = sd_bus_set_bus_client(bus, !private);
	if (r >= 0)
		r = sd_bus_set_method_call_timeout(bus, CALL_US);
	if (r >= 0)
		r = sd_bus_start(bus);
	/* Whether somebody listens is known now; the rest goes on by itself. */
	if (r >= 0)
		b->bus = bus;
	else
		sd_bus_unref(bus);
	return r;
}

int bus_open(struct bus *b, char *const *addresses, struct fault *f)
{
	const char *last = "";
	int r = -ENOENT;

	for (; *addresses && !b->bus; addresses++) {
		last = *addresses;
		r = try_address(b, last);
	}
	if (b->bus)
		return 0;
	return fault_set(f, -r, "connect to %s: %s", last, strerror(-r));
}

int bus_ready(struct bus *b, struct fault *f)
{
	uint64_t end = now_us() + CALL_US, now;
	int r;

	while (!(r = sd_bus_is_ready(b->bus)) && (now = now_us()) < end) {
		r = sd_bus_process(b->bus, NULL);
		if (!r)
			r = sd_bus_wait(b->bus, end - now);
		if (r < 0)
			break;
	}
	if (r < 0)
		return fault_set(f, -r, "connect: %s", strerror(-r));
	return r ? 0
		 : fault_set(f, ETIMEDOUT, "connect: no answer within %d s",
			     CALL_US / 1000000);
}

/* --- jobs --- */

static int on_removed(sd_bus_message *m, void *ctx, sd_bus_error *error)
{
	struct bus *b = ctx;
	const char *path, *unit, *result;
	uint32_t id;

	(void)error;
	if (sd_bus_message_read(m, "uoss", &id, &path, &unit, &result) < 0)
		return 0;
	/* The answer to the call was read first: the job's name is known. */
	if (b->path[0] && !strcmp(path, b->path))
		snprintf(b->result, sizeof(b->result), "%s", result);
	return 0;
}

static int listen_for_jobs(struct bus *b, struct fault *f)
{
	int r = sd_bus_match_signal_async(b->bus, NULL, service, object, manager,
					  "JobRemoved", on_removed, NULL, b);

	return r < 0 ? fault_set(f, -r, "listen to systemd: %s", strerror(-r)) : 0;
}

static int wait_for_job(struct bus *b, const char *what, const char *unit,
			struct fault *f)
{
	uint64_t end = now_us() + JOB_US, now;
	int r = 0;

	while (!b->result[0] && r >= 0 && (now = now_us()) < end) {
		r = sd_bus_process(b->bus, NULL);
		if (!r)
			r = sd_bus_wait(b->bus, end - now);
	}
	if (r < 0)
		return fault_set(f, -r, "%s %s: the connection ended: %s", what, unit,
				 strerror(-r));
	if (!b->result[0])
		return fault_set(f, ETIMEDOUT, "%s %s: not done within %d s", what, unit,
				 JOB_US / 1000000);
	if (strcmp(b->result, "done") != 0 && strcmp(b->result, "skipped") != 0)
		return fault_set(f, EIO,
				 "%s %s: the job ended as \"%s\" (see journalctl -u %s)",
				 what, unit, b->result, unit);
	return 0;
}

/* Calls a method that answers with a job, and waits for that. */
static int call_job(struct bus *b, sd_bus_message *m, sd_bus_error *error)
{
	sd_bus_message *answer = NULL;
	const char *path;
	int r = sd_bus_call(b->bus, m, CALL_US, error, &answer);

	if (r >= 0)
		r = sd_bus_message_read(answer, "o", &path);
	snprintf(b->path, sizeof(b->path), "%s", r < 0 ? "" : path);
	sd_bus_message_unref(answer);
	return r;
}

/* --- methods --- */

int bus_new_call(struct bus *b, const char *method, sd_bus_message **ret)
{
	return sd_bus_message_new_method_call(b->bus, ret, service, object, manager,
					      method);
}

static int make_start(struct bus *b, const char *unit, uint32_t pid,
		      const struct words *w, sd_bus_message **ret)
{
	sd_bus_message *m = NULL;
	int r = bus_new_call(b, "StartTransientUnit", &m);

	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "fail");
	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "(sv)");
	if (r >= 0)
		r = properties_append(m, *w);
	if (r >= 0)
		r = sd_bus_message_append(m, "(sv)", "PIDs", "au", 1, pid);
	if (r >= 0)
		r = sd_bus_message_close_container(m);
	if (r >= 0)
		r = sd_bus_message_append(m, "a(sa(sv))", 0);
	*ret = m;
	return r;
}

/* The name is taken by a unit that has failed, or is on its way out. */
static bool is_taken(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, "org.freedesktop.systemd1.UnitExists");
}

int bus_start(struct bus *b, const char *unit, uint32_t pid, const struct words *w,
	      struct fault *f)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	uint64_t end = now_us() + TAKEN_US;
	int r = listen_for_jobs(b, f);

	if (r < 0)
		return -1;
	for (int i = 0; i < TRIES || now_us() < end; i++) {
		sd_bus_message *m = NULL;

		sd_bus_error_free(&error);
		r = make_start(b, unit, pid, w, &m);
		if (r >= 0)
			r = call_job(b, m, &error);
		sd_bus_message_unref(m);
		if (r >= 0 || !is_taken(&error))
			break;
		/* One that runs is left alone by this. */
		sd_bus_call_method(b->bus, service, object, manager, "ResetFailedUnit",
				   NULL, NULL, "s", unit);
		usleep(PAUSE_US);
	}
	if (r < 0 && is_taken(&error)) {
		sd_bus_error_free(&error);
		return fault_set(f, EEXIST,
				 "start %s: a unit of this name exists (see systemctl "
				 "status %s)",
				 unit, unit);
	}
	if (r < 0)
		return bus_refused(f, "start", unit, r, &error);
	return wait_for_job(b, "start", unit, f);
}

int bus_attach(struct bus *b, const char *unit, const char *sub, uint32_t pid,
	       struct fault *f)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = sd_bus_call_method(b->bus, service, object, manager,
				   "AttachProcessesToUnit", &error, NULL, "ssau", unit,
				   sub, 1, pid);

	return r < 0 ? bus_refused(f, "attach a process to", unit, r, &error) : 0;
}

int bus_stop(struct bus *b, const char *unit, struct fault *f)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *m = NULL;
	int r = listen_for_jobs(b, f);

	if (r < 0)
		return -1;
	r = bus_new_call(b, "StopUnit", &m);
	if (r >= 0)
		r = sd_bus_message_append(m, "ss", unit, "replace");
	if (r >= 0)
		r = call_job(b, m, &error);
	sd_bus_message_unref(m);
	if (r < 0 &&
	    sd_bus_error_has_name(&error, "org.freedesktop.systemd1.NoSuchUnit")) {
		sd_bus_error_free(&error);
		return 0;
	}
	if (r < 0)
		return bus_refused(f, "stop", unit, r, &error);
	return wait_for_job(b, "stop", unit, f);
}
