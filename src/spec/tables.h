/* Tables that one file of spec/ defines and another one's rows point at. Private to
 * src/spec. */
#pragma once

#include "spec/spec.h"

extern const struct type id_map_type, seccomp_type, linux_type;
extern const struct name cap_table[];
/* The words of seccomp.architectures with their AUDIT_ARCH numbers. */
extern const struct name sc_arch_names[];
