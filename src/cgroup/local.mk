core_sources += \
	src/cgroup/cgroup.h \
	src/cgroup/devices_bpf.c \
	src/cgroup/freeze.c \
	src/cgroup/make.c \
	src/cgroup/pids.c \
	src/cgroup/remove.c \
	src/cgroup/tree.c \
	src/cgroup/tree.h
