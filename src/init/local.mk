# The init program: freestanding, one static image that src/apply/carrier.c embeds; also installed, for hosts that
# forbid the execution of memfds. The unit tests build the same sources hosted (tests/local.mk).
init_op_sources = \
	src/init/bpf.c \
	src/init/classic.c \
	src/init/copy.c \
	src/init/exec.c \
	src/init/fds.c \
	src/init/files.h \
	src/init/home.c \
	src/init/ids.c \
	src/init/init.h \
	src/init/kernel.c \
	src/init/live.c \
	src/init/main.c \
	src/init/masks.c \
	src/init/mem.c \
	src/init/mount.c \
	src/init/net.c \
	src/init/nodes.c \
	src/init/ns.c \
	src/init/ops.h \
	src/init/path.c \
	src/init/process.c \
	src/init/root.c \
	src/init/seccomp.c \
	src/init/stat.h \
	src/init/table.c \
	src/init/talk.c \
	src/init/target.c \
	src/init/text.c \
	src/init/text.h \
	src/init/trust.c \
	src/init/tty.c \
	src/init/uncover.c
init_sources = src/init/start.c $(init_op_sources)

EXTRA_DIST += $(init_sources)
pkglibexec_SCRIPTS = skiff-init
if INIT_HOSTED
INIT_CFLAGS = -O2 -DINIT_HOSTED -static
else
INIT_CFLAGS = -Os -ffreestanding -nostdlib -static -fno-pie -fno-stack-protector \
	$(INIT_LOOPS) -fno-asynchronous-unwind-tables -fcf-protection=none -ffunction-sections \
	-Wl,--gc-sections,-z,noexecstack,-z,norelro,-z,noseparate-code,--build-id=none
endif

# All sources in one command: the whole program is small, and the compiler sees it at once.
skiff-init: $(init_sources) src/plan/plan.h src/plan/ops.def src/base/sys.h src/base/sys_arch.h
	$(AM_V_CCLD)$(CC) -std=gnu17 -D_GNU_SOURCE -I$(srcdir)/src $(WARN_CFLAGS) $(INIT_CFLAGS) -o $@.unstripped \
		$(addprefix $(srcdir)/,$(filter %.c %.S,$(init_sources)))
	$(AM_V_at)$(STRIP) -s -o $@ $@.unstripped
CLEANFILES += skiff-init skiff-init.unstripped
BUILT_SOURCES += skiff-init
