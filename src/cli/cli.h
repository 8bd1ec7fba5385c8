/* What the commands of skiff(1) share. Only code in src/cli prints. */
#pragma once

#include <signal.h>
#include <skiff/skiff.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/names.h"
#include "base/opt.h"

/* Options in front of the command. */
struct globals {
	const char *root, *log, *log_format, *log_level, *cgroup_manager, *rootless;
	const char *exit_code_map;
	bool debug, systemd_cgroup, systemd_log, version;
};

enum { CLI_CODES = SKIFF_STOPPED + 1 };

struct cli {
	struct arena arena;
	struct globals globals;
	struct log log;
	bool failed; /* an error was logged */
	struct skiff *skiff;
	bool blocks;   /* what is forwarded waits from now on */
	sigset_t mask; /* before that */
	sigset_t blocked;
	int own_failure; /* exit status for a failure of skiff itself: the command's */
	uint8_t exit_map[CLI_CODES]; /* by --exit-code-map; 0 = own_failure */
	int status;                  /* what the last error that was logged means */
};

struct cmd {
	struct usage usage;
	size_t opts_size;       /* of its struct of options */
	int min_args, max_args; /* operands; max -1 = any number */
	int stop_after;  /* operands after which options are the program's; -1 = never */
	bool spawns;     /* it starts processes: stdio and SIGCHLD must be sane */
	int own_failure; /* exit status for a failure of skiff itself */
	/* Returns the exit status. */
	int (*run)(struct cli *cli, const void *opts, int argc, char **argv);
};

extern const struct cmd cmd_run, cmd_create, cmd_start, cmd_state, cmd_kill, cmd_delete,
	cmd_ps, cmd_pause, cmd_resume, cmd_events, cmd_list, cmd_mounts, cmd_exec,
	cmd_update, cmd_checkpoint, cmd_restore, cmd_spec, cmd_features, cmd_plan,
	cmd_check, cmd_help;
/* All commands in the order of help; ends with NULL. */
extern const struct cmd *const cli_commands[];
extern const struct usage cli_usage;

/* Logs the error; returns the exit status for it, which is never 0. */
int cli_fail(struct cli *cli, const struct skiff_error *e);
/* The same with a message of the command line's own: what was asked for cannot be, or is
 * no command line. */
int cli_error(struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
int cli_usage_error(struct cli *cli, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Logs a warning of a command that succeeds, unless --log-level asks for errors only. */
void cli_warning(struct cli *cli, const char *text);
/* Logs the warnings that the library has by now; at the end of a command it is done anyway. */
void cli_warnings(struct cli *cli, const struct cmd *cmd);
/* Writes text to stdout: 0, or the exit status after an error was logged. */
int cli_print(struct cli *cli, const char *text, size_t n);

/* Whether the caller left the descriptors 3 to 2 + n open for us. One that is
 * close-on-exec is our own, opened since (the log): the container must not get that. 0,
 * or the exit status after an error was logged. */
int cli_check_preserved(struct cli *cli, uint32_t n);

/* help.c: about a command, or about skiff (NULL). */
int cli_help(struct cli *cli, const struct cmd *cmd);
int cli_version(struct cli *cli);
/* NULL after an error was logged, which names the nearest command. */
const struct cmd *cli_find_command(struct cli *cli, const char *name);

/* exit_map.c: the default map, by code, and the option's "default,CODE=STATUS,...". 0, or the exit
 * status after an error was logged. */
extern const struct name cli_exit_map[];
int cli_read_exit_map(struct cli *cli, const char *text);

/* wait.c: until p ends, forwarding signals. Its exit status, 128 + signal when one killed
 * it. */
/* By wait_block(), before the process began. */
int cli_wait(struct cli *cli, const struct skiff_process *p);
/* tty.c: the same while the terminal is relayed. */
int cli_wait_terminal(struct cli *cli, const struct skiff_process *p);
/* Either, and deletes the container then, unless it is to be kept: run's and restore's exit status. */
int cli_wait_and_delete(struct cli *cli, const struct skiff_process *p, const char *id,
			bool keep);
/* The size of the terminal we are on; 0 without one. */
void cli_window_size(uint16_t *ret_rows, uint16_t *ret_columns);

/* What both loops need. */
struct waiting {
	pid_t pid;
	bool ended;
	int status;
};
/* Blocks what can be forwarded, once. The library calls it with the struct cli before the program may run: what comes
 * later is forwarded, what comes earlier ends skiff. */
void wait_block(void *cli);
void wait_on_signal(struct waiting *w, int signal);
void wait_reap(struct waiting *w);
/* p->notify can be read: true = it is done with. */
bool wait_pass_ready(struct cli *cli, const struct skiff_process *p);
