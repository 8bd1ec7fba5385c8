/* unit.c: systemd's units, by the helper program skiff-systemd. */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "json/schema.h"

/*
 * The end of a scope whose processes are gone or are to go: systemd notices the empty cgroup by itself and removes it; dir
 * is its directory. Waits for that at most timeout_ms, then asks systemd to stop the unit. 0 or -1.
 */
int unit_end(const char *unit, const char *dir, const strs *addresses, int timeout_ms,
	     struct arena *arena, struct err *e);
