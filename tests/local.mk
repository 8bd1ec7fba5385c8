# Unit tests: one cmocka program per module, linked with the archive. `make check-tap` prints TAP.
unit_programs = \
	tests/unit/test_arena \
	tests/unit/test_buf \
	tests/unit/test_devices \
	tests/unit/test_fd \
	tests/unit/test_init_ops \
	tests/unit/test_json \
	tests/unit/test_limits \
	tests/unit/test_log \
	tests/unit/test_names \
	tests/unit/test_opt \
	tests/unit/test_packet \
	tests/unit/test_plan \
	tests/unit/test_resctrl \
	tests/unit/test_put_back \
	tests/unit/test_seccomp \
	tests/unit/test_spec \
	tests/unit/test_state \
	tests/unit/test_unit
if HAVE_CMOCKA
check_PROGRAMS += $(unit_programs) tests/golden/golden
TESTS += $(unit_programs) tests/golden/golden
else
check-local:
	@echo 'make check needs cmocka (Debian: libcmocka-dev); then configure again' >&2; exit 1
endif
AM_TESTS_ENVIRONMENT = TESTS_DIR='$(abs_srcdir)/tests'; export TESTS_DIR;
LOG_COMPILER = $(EMULATOR)
# What is tested where (tests/coverage.md) against the program's tables.
TESTS += tests/coverage.py
TEST_EXTENSIONS = .py
PY_LOG_COMPILER = python3

unit_cppflags = $(AM_CPPFLAGS) -I$(srcdir)/tests/unit $(CMOCKA_CFLAGS)
unit_libs = libskiff.la $(CMOCKA_LIBS) $(CAP_LIBS)
tests_unit_test_arena_SOURCES = tests/unit/test_arena.c tests/unit/test.h
tests_unit_test_arena_CPPFLAGS = $(unit_cppflags)
tests_unit_test_arena_LDADD = $(unit_libs)
tests_unit_test_arena_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_buf_SOURCES = tests/unit/test_buf.c tests/unit/test.h
tests_unit_test_buf_CPPFLAGS = $(unit_cppflags)
tests_unit_test_buf_LDADD = $(unit_libs)
tests_unit_test_buf_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_devices_SOURCES = tests/unit/test_devices.c tests/unit/test.h
tests_unit_test_devices_CPPFLAGS = $(unit_cppflags)
tests_unit_test_devices_LDADD = $(unit_libs)
tests_unit_test_devices_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_fd_SOURCES = tests/unit/test_fd.c tests/unit/test.h
tests_unit_test_fd_CPPFLAGS = $(unit_cppflags)
tests_unit_test_fd_LDADD = $(unit_libs)
tests_unit_test_fd_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_packet_SOURCES = tests/unit/test_packet.c tests/unit/test.h
tests_unit_test_packet_CPPFLAGS = $(unit_cppflags)
tests_unit_test_packet_LDADD = $(unit_libs)
tests_unit_test_packet_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_init_ops_SOURCES = tests/unit/test_init_ops.c tests/unit/test.h $(init_op_sources)
tests_unit_test_init_ops_CPPFLAGS = $(unit_cppflags) -DINIT_HOSTED
tests_unit_test_init_ops_LDADD = $(unit_libs)
tests_unit_test_init_ops_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_json_SOURCES = tests/unit/test_json.c tests/unit/test.h
tests_unit_test_json_CPPFLAGS = $(unit_cppflags)
tests_unit_test_json_LDADD = $(unit_libs)
tests_unit_test_json_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_limits_SOURCES = tests/unit/test_limits.c tests/unit/test.h
tests_unit_test_limits_CPPFLAGS = $(unit_cppflags)
tests_unit_test_limits_LDADD = $(unit_libs)
tests_unit_test_limits_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_unit_SOURCES = tests/unit/test_unit.c tests/unit/test.h
tests_unit_test_unit_CPPFLAGS = $(unit_cppflags)
tests_unit_test_unit_LDADD = $(unit_libs)
tests_unit_test_unit_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_log_SOURCES = tests/unit/test_log.c tests/unit/test.h
tests_unit_test_log_CPPFLAGS = $(unit_cppflags)
tests_unit_test_log_LDADD = $(unit_libs)
tests_unit_test_log_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_names_SOURCES = tests/unit/test_names.c tests/unit/test.h
tests_unit_test_names_CPPFLAGS = $(unit_cppflags)
tests_unit_test_names_LDADD = $(unit_libs)
tests_unit_test_names_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_opt_SOURCES = tests/unit/test_opt.c tests/unit/test.h
tests_unit_test_opt_CPPFLAGS = $(unit_cppflags)
tests_unit_test_opt_LDADD = $(unit_libs)
tests_unit_test_opt_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_plan_SOURCES = tests/unit/test_plan.c tests/unit/test.h
tests_unit_test_plan_CPPFLAGS = $(unit_cppflags)
tests_unit_test_plan_LDADD = $(unit_libs)
tests_unit_test_plan_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_resctrl_SOURCES = tests/unit/test_resctrl.c tests/unit/test.h
tests_unit_test_resctrl_CPPFLAGS = $(unit_cppflags)
tests_unit_test_resctrl_LDADD = $(unit_libs)
tests_unit_test_resctrl_LDFLAGS = $(AM_LDFLAGS) -static -Wl,--wrap=mkdir -Wl,--wrap=rmdir
tests_unit_test_put_back_SOURCES = tests/unit/test_put_back.c tests/unit/test.h
tests_unit_test_put_back_CPPFLAGS = $(unit_cppflags)
tests_unit_test_put_back_LDADD = $(unit_libs)
tests_unit_test_put_back_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_seccomp_SOURCES = tests/unit/test_seccomp.c tests/unit/test.h
tests_unit_test_seccomp_CPPFLAGS = $(unit_cppflags)
tests_unit_test_seccomp_LDADD = $(unit_libs)
tests_unit_test_seccomp_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_spec_SOURCES = tests/unit/test_spec.c tests/unit/test.h
tests_unit_test_spec_CPPFLAGS = $(unit_cppflags)
tests_unit_test_spec_LDADD = $(unit_libs)
tests_unit_test_spec_LDFLAGS = $(AM_LDFLAGS) -static
tests_unit_test_state_SOURCES = tests/unit/test_state.c tests/unit/test.h
tests_unit_test_state_CPPFLAGS = $(unit_cppflags)
tests_unit_test_state_LDADD = $(unit_libs)
tests_unit_test_state_LDFLAGS = $(AM_LDFLAGS) -static

tests_golden_golden_SOURCES = tests/golden/golden.c
tests_golden_golden_CPPFLAGS = $(AM_CPPFLAGS)
tests_golden_golden_LDADD = libskiff.la $(YAJL_LIBS)
tests_golden_golden_LDFLAGS = $(AM_LDFLAGS) -static

# What check-tap and contrib/run-unit run, built without running it.
tests: $(check_PROGRAMS)
check-tap: $(check_PROGRAMS)
	@$(srcdir)/contrib/run-unit .
.PHONY: check-tap tests

EXTRA_DIST += tests/coverage.md tests/coverage.py tests/unit/bad_configs.def tests/golden/base tests/golden/cases tests/golden/hosts tests/fixtures \
	tests/fuzz tests/integration tests/bench tests/vm tests/engines
dist-hook:
	find '$(distdir)' -name __pycache__ -type d -prune -exec rm -rf {} +
