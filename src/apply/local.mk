core_sources += \
	src/apply/apply.h \
	src/apply/carrier.c \
	src/apply/cgroups.c \
	src/apply/child.c \
	src/apply/child.h \
	src/apply/files.c \
	src/apply/helper.c \
	src/apply/helper.h \
	src/apply/host.c \
	src/apply/idmap.c \
	src/apply/maps.c \
	src/apply/net.c \
	src/apply/parts.h \
	src/apply/resctrl.c \
	src/apply/run.c \
	src/apply/seccomp.c \
	src/apply/seccomp.h \
	src/apply/seccomp_cache.c \
	src/apply/seccomp_emit.c \
	src/apply/seccomp_resolve.c \
	src/apply/seccomp_verify.c \
	src/apply/sources.c \
	src/apply/spawn.c \
	src/apply/talk.c \
	src/apply/trace.c \
	src/apply/undo.c \
	src/apply/words.c
