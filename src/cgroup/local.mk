core_sources += \
	src/cgroup/cgroup.h \
	src/cgroup/devices_bpf.c \
	src/cgroup/freeze.c \
	src/cgroup/give.c \
	src/cgroup/make.c \
	src/cgroup/oom.c \
	src/cgroup/pids.c \
	src/cgroup/remove.c \
	src/cgroup/resctrl.c \
	src/cgroup/resctrl.h \
	src/cgroup/stats.c \
	src/cgroup/stats.h \
	src/cgroup/stats_rdt.c \
	src/cgroup/stats_rdt.h \
	src/cgroup/stats_v1.c \
	src/cgroup/stats_v2.c \
	src/cgroup/tree.c \
	src/cgroup/tree.h
