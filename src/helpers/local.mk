# Programs in libexec that skiff starts for the few containers that need them.
if WITH_NET
pkglibexec_PROGRAMS += skiff-net
endif
skiff_net_SOURCES = src/helpers/net.c src/helpers/link.c src/helpers/link.h src/base/arena.c src/base/arena.h
skiff_net_CFLAGS = $(AM_CFLAGS) $(MNL_CFLAGS)
skiff_net_LDFLAGS = $(HARD_LDFLAGS) $(NET_LDFLAGS)
skiff_net_LDADD = $(MNL_LIBS)
if WITH_SYSTEMD
pkglibexec_PROGRAMS += skiff-systemd
endif
skiff_systemd_SOURCES = src/helpers/systemd.c src/helpers/bus.c src/helpers/bus.h src/helpers/properties.c src/helpers/value.c
skiff_systemd_CFLAGS = $(AM_CFLAGS) $(SYSTEMD_CFLAGS)
skiff_systemd_LDFLAGS = $(HARD_LDFLAGS)
skiff_systemd_LDADD = $(SYSTEMD_LIBS)
