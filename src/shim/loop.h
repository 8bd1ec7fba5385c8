/* The shim's event loop: one thread, epoll, timers. There is one loop in a process. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* A descriptor that somebody waits for; part of the struct that owns it. */
struct watch {
	int fd; /* the owner's to close, after loop_remove() */
	void (*ready)(struct watch *w, uint32_t events);
	bool added;
};

/* Something to do later; part of the struct that owns it. */
struct timer {
	struct timer *next;
	int64_t at; /* by clock_ms() */
	void (*due)(struct timer *t);
	bool set;
};

#define OWNER(pointer, type, member) \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* 0 or -errno. */
int loop_init(void);
/* EPOLLIN and others, level-triggered. Adding again changes what is waited for. 0 or -errno; -EPERM: the file is
 * always ready. */
int loop_add(struct watch *w, uint32_t events);
void loop_remove(struct watch *w);
void timer_set(struct timer *t, int ms);
void timer_stop(struct timer *t);
/* Until loop_stop(). */
void loop_run(void);
void loop_stop(void);
