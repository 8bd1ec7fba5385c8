/* The shim's files in a bundle, and what it reads there itself. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* Notes where libskiff's state is, for the `delete` that may have to clean up after us. 0 or -1. */
int bundle_note_root(const char *bundle, const char *root, struct err *e);
/* What was noted in the working directory, or NULL. */
char *bundle_noted_root(struct arena *arena);
/* The name that tells which shim serves the container: its pod's id, or its own. Reads config.json of the working
 * directory. */
const char *bundle_group(const char *id, struct arena *arena);
/* A file without a name, read from its beginning. A descriptor or -1. */
int memfd(const char *name, const void *data, size_t n);
