core_sources += \
	src/spec/check.c \
	src/spec/check.h \
	src/spec/check_annotations.c \
	src/spec/check_linux.c \
	src/spec/check_process.c \
	src/spec/check_resources.c \
	src/spec/check_seccomp.c \
	src/spec/check_sysctl.c \
	src/spec/default.c \
	src/spec/enums.c \
	src/spec/linux.c \
	src/spec/process.c \
	src/spec/resources.c \
	src/spec/seccomp.c \
	src/spec/spec.c \
	src/spec/spec.h \
	src/spec/tables.h
