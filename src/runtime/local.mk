core_sources += \
	src/runtime/check.c \
	src/runtime/check.h \
	src/runtime/check_cgroup.c \
	src/runtime/check_files.c \
	src/runtime/check_host.c \
	src/runtime/check_kinds.c \
	src/runtime/check_program.c \
	src/runtime/check_rights.c \
	src/runtime/container.h \
	src/runtime/context.c \
	src/runtime/create.c \
	src/runtime/delete.c \
	src/runtime/exec.c \
	src/runtime/features.c \
	src/runtime/hooks.c \
	src/runtime/kill.c \
	src/runtime/list.c \
	src/runtime/prepare.c \
	src/runtime/probe.c \
	src/runtime/probe_cgroup.c \
	src/runtime/runtime.h \
	src/runtime/salvage.c \
	src/runtime/show.c \
	src/runtime/start.c \
	src/runtime/state.c \
	src/runtime/status.c \
	src/runtime/target.c
