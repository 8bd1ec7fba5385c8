/* The short-lived modes of the program. Each returns the exit status. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "shim/options.h"

/* `start`: makes sure that a shim serves the container, and prints its address. */
int launch_start(const struct shim_args *args, struct arena *arena);
/* `delete`: cleans up after a shim that is gone, and prints a DeleteResponse. */
int launch_delete(const struct shim_args *args, struct arena *arena);
/* `-info`: what this runtime is and can do. */
int launch_info(struct arena *arena);

/* Standard input, at most 10 MiB; what cannot be read is empty. */
ProtobufCBinaryData launch_input(struct arena *arena);
/* A message on stderr; 1. */
int launch_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
