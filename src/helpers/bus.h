/*
 * Talking with systemd (org.freedesktop.systemd1(5)) with sd-bus. Functions return 0, or -1 with *f filled.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

/* What went wrong: words for a person, after a positive errno. */
struct fault {
	int error;
	char words[1024];
};

int fault_set(struct fault *f, int error, const char *form, ...)
	__attribute__((format(printf, 3, 4)));

/* The words of a request that are left. */
struct words {
	char *at, *end;
};

/* The next one, or NULL. */
const char *words_next(struct words *w);

/* value.c: appends a value of this signature, in the words of busctl(1). -EINVAL, or what sd-bus says. */
int value_append(sd_bus_message *m, const char *type, struct words *w);

/* bus.c */
struct bus {
	sd_bus *bus;
	sd_bus_message *back; /* the call that undoes bus_set() */
	char path[128];       /* of the job that is waited for */
	char result[32];      /* what became of it: "done" */
};

/* Connects to the first of these that answers ("private:" before an address: no bus, systemd itself). */
int bus_open(struct bus *b, char *const *addresses, struct fault *f);
/* Waits until the connection stands. */
int bus_ready(struct bus *b, struct fault *f);
/* StartTransientUnit with the properties that are left of the words, and this process; waits for the end of the job. */
int bus_start(struct bus *b, const char *unit, uint32_t pid, const struct words *w,
	      struct fault *f);
/* AttachProcessesToUnit: moves a process into a directory below the unit's cgroup ("" = its own), with systemd's rights. */
int bus_attach(struct bus *b, const char *unit, const char *sub, uint32_t pid,
	       struct fault *f);
/* StopUnit, if there is one of this name, and waits. */
int bus_stop(struct bus *b, const char *unit, struct fault *f);

/* A call of a method of systemd's Manager. */
int bus_new_call(struct bus *b, const char *method, sd_bus_message **ret);
/* Fills *f with systemd's own words about the unit; -1. */
int bus_refused(struct fault *f, const char *what, const char *unit, int r,
		sd_bus_error *error);

/* properties.c: appends name, signature and words of each as "(sv)". */
int properties_append(sd_bus_message *m, struct words w);
/* SetUnitProperties, until the next boot. The old values are asked for first. */
int bus_set(struct bus *b, const char *unit, const struct words *w, struct fault *f);
/* Sets what that changed to what it was. */
int bus_put_back(struct bus *b);
