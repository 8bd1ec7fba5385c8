# --- containerd-shim-skiff-v2: libskiff behind containerd's Task service ---
shim_sources = \
	src/shim/actions.c \
	src/shim/args.c \
	src/shim/checkpoint.c \
	src/shim/cleanup.c \
	src/shim/create.c \
	src/shim/delete.c \
	src/shim/events.c \
	src/shim/events.h \
	src/shim/exec.c \
	src/shim/exit.c \
	src/shim/exit.h \
	src/shim/files.c \
	src/shim/files.h \
	src/shim/info.c \
	src/shim/launch.h \
	src/shim/log.c \
	src/shim/log.h \
	src/shim/logger.c \
	src/shim/loop.c \
	src/shim/loop.h \
	src/shim/main.c \
	src/shim/oom.c \
	src/shim/oom.h \
	src/shim/options.h \
	src/shim/publish.c \
	src/shim/publish.h \
	src/shim/pump.c \
	src/shim/pump.h \
	src/shim/reap.c \
	src/shim/rootfs.c \
	src/shim/rootfs.h \
	src/shim/run_options.c \
	src/shim/server.c \
	src/shim/server.h \
	src/shim/service.c \
	src/shim/service.h \
	src/shim/start.c \
	src/shim/stats.c \
	src/shim/stdio.c \
	src/shim/stdio.h \
	src/shim/task.c \
	src/shim/task.h \
	src/shim/wire.c \
	src/shim/wire.h \
	src/shim/work.c \
	src/shim/work.h

# Messages: protoc-c writes the code for them.
shim_messages = \
	src/shim/proto/events.pb-c.c \
	src/shim/proto/launch.pb-c.c \
	src/shim/proto/metrics.pb-c.c \
	src/shim/proto/task.pb-c.c \
	src/shim/proto/ttrpc.pb-c.c
shim_headers = $(shim_messages:.c=.h)
EXTRA_DIST += $(shim_messages:.pb-c.c=.proto)
CLEANFILES += $(shim_messages) $(shim_headers)

if WITH_SHIM
bin_PROGRAMS += containerd-shim-skiff-v2
BUILT_SOURCES += $(shim_headers)
static_shim = containerd-shim-skiff-v2-static
endif
containerd_shim_skiff_v2_SOURCES = $(shim_sources)
nodist_containerd_shim_skiff_v2_SOURCES = $(shim_messages)
containerd_shim_skiff_v2_CPPFLAGS = $(AM_CPPFLAGS) -Isrc
containerd_shim_skiff_v2_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_CFLAGS)
containerd_shim_skiff_v2_LDFLAGS = $(AM_LDFLAGS) -static
containerd_shim_skiff_v2_LDADD = libskiff.la $(PROTOBUF_LIBS)

src/shim/proto/%.pb-c.h: src/shim/proto/%.proto
	$(AM_V_GEN)$(MKDIR_P) src/shim/proto && \
		$(PROTOC_C) --proto_path=$(srcdir)/src/shim/proto --c_out=src/shim/proto $<
src/shim/proto/%.pb-c.c: src/shim/proto/%.pb-c.h
	@:

shim_static_objects = $(patsubst %.c,static/%.o,$(filter %.c,$(core_sources) $(shim_sources) $(shim_messages)) src/base/musl.c)
$(filter static/src/shim/%,$(shim_static_objects)): AM_CPPFLAGS += -Isrc
$(filter static/src/shim/%,$(shim_static_objects)): $(shim_headers)
containerd-shim-skiff-v2-static: $(shim_static_objects)
	$(AM_V_CCLD)$(STATIC_CC) -static -no-pie -Wl,--gc-sections -Wl,-z,relro,-z,now -o $@ \
		$(shim_static_objects) $(static_archives) `$(CC) -print-file-name=libprotobuf-c.a`
-include $(shim_static_objects:.o=.d)
CLEANFILES += containerd-shim-skiff-v2-static
