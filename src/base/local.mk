core_sources += \
	src/base/arena.c \
	src/base/arena.h \
	src/base/buf.c \
	src/base/buf.h \
	src/base/clock.c \
	src/base/clock.h \
	src/base/err.c \
	src/base/err.h \
	src/base/fd.c \
	src/base/fd.h \
	src/base/log.c \
	src/base/log.h \
	src/base/log_open.c \
	src/base/mountinfo.c \
	src/base/mountinfo.h \
	src/base/names.c \
	src/base/names.h \
	src/base/opt.c \
	src/base/opt.h \
	src/base/opt_help.c \
	src/base/process.c \
	src/base/process.h \
	src/base/sys.h \
	src/base/sys_aarch64.h \
	src/base/sys_arch.h \
	src/base/sys_libc.h \
	src/base/sys_x86_64.h
