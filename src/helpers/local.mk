# Programs in libexec that skiff starts for the few containers that need them.
# A program without shared libraries is not position-independent, too: clang says so.
link_flags = $(if $(1),$(filter-out -pie,$(HARD_LDFLAGS)) $(1),$(HARD_LDFLAGS))
if WITH_NET
pkglibexec_PROGRAMS += skiff-net
endif
skiff_net_SOURCES = src/helpers/net.c src/helpers/link.c src/helpers/link.h src/base/arena.c src/base/arena.h
skiff_net_CFLAGS = $(AM_CFLAGS) $(MNL_CFLAGS)
skiff_net_LDFLAGS = $(call link_flags,$(NET_LDFLAGS))
skiff_net_LDADD = $(MNL_LIBS)
if WITH_SYSTEMD
pkglibexec_PROGRAMS += skiff-systemd
endif
skiff_systemd_SOURCES = src/helpers/systemd.c src/helpers/bus.c src/helpers/bus.h src/helpers/properties.c src/helpers/value.c
skiff_systemd_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
skiff_systemd_LDFLAGS = $(HARD_LDFLAGS)
skiff_systemd_LDADD = $(SYSTEMD_LIBS)
# Messages of criu's protocol: protoc-c writes the code for them.
if WITH_CRIU
pkglibexec_PROGRAMS += skiff-criu
BUILT_SOURCES += src/helpers/criu.pb-c.h
endif
skiff_criu_SOURCES = src/helpers/criu.c src/helpers/criu.h src/helpers/criu_options.c src/helpers/criu_run.c \
	src/base/arena.c src/base/arena.h src/base/packet.c src/base/packet.h
nodist_skiff_criu_SOURCES = src/helpers/criu.pb-c.c
skiff_criu_CPPFLAGS = $(AM_CPPFLAGS) -Isrc
skiff_criu_CFLAGS = $(AM_CFLAGS) $(PROTOBUF_CFLAGS)
skiff_criu_LDFLAGS = $(call link_flags,$(CRIU_LDFLAGS))
skiff_criu_LDADD = $(PROTOBUF_LIBS)
src/helpers/criu.pb-c.h: src/helpers/criu.proto
	$(AM_V_GEN)$(MKDIR_P) src/helpers && $(PROTOC_C) --proto_path=$(srcdir)/src/helpers --c_out=src/helpers $(srcdir)/src/helpers/criu.proto
src/helpers/criu.pb-c.c: src/helpers/criu.pb-c.h
	@:
src/helpers/skiff_criu-criu.$(OBJEXT) src/helpers/skiff_criu-criu_options.$(OBJEXT) src/helpers/skiff_criu-criu_run.$(OBJEXT): src/helpers/criu.pb-c.h
CLEANFILES += src/helpers/criu.pb-c.c src/helpers/criu.pb-c.h
EXTRA_DIST += src/helpers/criu.proto
