# Programs in libexec that skiff starts for the few containers that need them.
if WITH_NET
pkglibexec_PROGRAMS += skiff-net
endif
skiff_net_SOURCES = src/helpers/net.c src/helpers/link.c src/helpers/link.h src/base/arena.c src/base/arena.h
skiff_net_CFLAGS = $(AM_CFLAGS) $(MNL_CFLAGS)
skiff_net_LDFLAGS = $(HARD_LDFLAGS) $(NET_LDFLAGS)
skiff_net_LDADD = $(MNL_LIBS)
