cli_sources += \
	src/cli/cli.h \
	src/cli/commands.c \
	src/cli/create.h \
	src/cli/criu.c \
	src/cli/events.c \
	src/cli/exec.c \
	src/cli/exit_map.c \
	src/cli/help.c \
	src/cli/info.c \
	src/cli/lifecycle.c \
	src/cli/list.c \
	src/cli/mounts.c \
	src/cli/ps.c \
	src/cli/run.c \
	src/cli/tty.c \
	src/cli/update.c \
	src/cli/wait.c

# --- man pages and completions, from the option tables ---
# The generator runs at build time: when cross-compiling they come from a native build (make dist has none of them).
skiff_mkman_SOURCES = src/cli/mkman.c src/cli/mkman.h src/cli/mkcomplete.c src/cli/mkcomplete.h \
	src/cli/mkcomplete_bash.c src/cli/mkcomplete_fish.c src/cli/mkcomplete_zsh.c src/cli/mklist.c $(cli_sources)
skiff_mkman_LDADD = libskiff.la
skiff_mkman_LDFLAGS = $(AM_LDFLAGS) -static
generated_mans = $(addprefix man/skiff-,$(addsuffix .1,$(commands))) man/skiff.1 man/skiff-config.5
dist_man_MANS = man/skiff-errors.7 man/containerd-shim-skiff-v2.8
generated_completions = contrib/completions/skiff.bash contrib/completions/_skiff contrib/completions/skiff.fish
commands = check checkpoint create delete events exec features help kill list mounts pause plan ps restore resume run spec start state update
if CROSS_COMPILING
else
noinst_PROGRAMS += skiff-mkman
nodist_man_MANS = $(generated_mans)
bashcompdir = $(datadir)/bash-completion/completions
zshcompdir = $(datadir)/zsh/site-functions
fishcompdir = $(datadir)/fish/vendor_completions.d
zshcomp_DATA = contrib/completions/_skiff
fishcomp_DATA = contrib/completions/skiff.fish
endif

man/skiff.1: skiff-mkman
	$(AM_V_GEN)$(MKDIR_P) man contrib/completions && ./skiff-mkman man contrib/completions
$(filter-out man/skiff.1,$(generated_mans)) $(generated_completions): man/skiff.1
	@:
install-data-hook:
if CROSS_COMPILING
else
	$(MKDIR_P) '$(DESTDIR)$(bashcompdir)'
	$(INSTALL_DATA) contrib/completions/skiff.bash '$(DESTDIR)$(bashcompdir)/skiff'
endif
uninstall-hook:
	rm -f '$(DESTDIR)$(bashcompdir)/skiff'
CLEANFILES += $(generated_mans) $(generated_completions)
