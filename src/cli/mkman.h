/* Between the two halves of the build-time program mkman. */
#pragma once

#include "base/arena.h"

/* skiff.bash, _skiff (zsh) and skiff.fish in the directory. 0 or -errno. */
int write_completions(struct arena *arena, const char *dir);
