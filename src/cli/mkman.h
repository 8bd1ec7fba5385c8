/* Between the parts of the build-time program mkman. */
#pragma once

#include "base/arena.h"

/* skiff.bash, _skiff (zsh) and skiff.fish in the directory. 0 or -errno. */
int write_completions(struct arena *arena, const char *dir);

/* All that the tables have, on stdout. 0 or -errno. */
int write_list(struct arena *arena);
