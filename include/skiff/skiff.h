/*
 * libskiff: containers from OCI bundles.
 *
 * The library prints nothing, never exits, and leaves the caller's umask, working
 * directory, signal handlers and mask, environment, dumpable flag and subreaper bit as
 * they are. Structs are opaque or begin with their own size, so that they may grow: set
 * `size` to sizeof the struct, and all else that is not needed to zero.
 *
 * A context serves one request at a time; threads take one each. What a function returns
 * belongs to the context and lives until skiff_free(). Functions return 0, or -1 with *e
 * filled in (e may be NULL).
 */
#ifndef SKIFF_SKIFF_H
#define SKIFF_SKIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SKIFF_API __attribute__((visibility("default")))

struct skiff;

/* What kind of failure it is; the numbers are stable. */
enum skiff_code {
	SKIFF_GENERAL,
	SKIFF_CONFIG, /* config.json, a process file or an option is wrong */
	SKIFF_HOST,   /* the kernel or the host lacks what is asked for */
	SKIFF_SYSTEM, /* a system call failed on the host side */
	SKIFF_INIT,   /* a step inside the container failed */
	SKIFF_EXEC,   /* the program cannot be executed */
	SKIFF_HOOK,   /* a hook failed */
	SKIFF_STATE, /* the container is not in the state for this, or its state is damaged */
	SKIFF_USAGE,   /* the command line is wrong */
	SKIFF_UNKNOWN, /* no container has the id */
	SKIFF_EXISTS,  /* a container has the id already */
	SKIFF_STOPPED, /* the container does not run (any more) */
};

struct skiff_error {
	size_t size;
	int code;           /* enum skiff_code */
	int errnum;         /* errno of the cause, or 0 */
	char origin[192];   /* JSON path that asked for what failed, or "" */
	char step[64];      /* the plan's step that failed, or "" */
	char message[1536]; /* one line, with the path and the cause */
};

/* The name of a code ("config") and of an errno ("ENOENT"); "" when unknown. */
SKIFF_API const char *skiff_code_name(int code);
SKIFF_API const char *skiff_errno_name(int errnum);
/* "0.1.0", and the newest version of the specification that is implemented. */
SKIFF_API const char *skiff_version(void);
SKIFF_API const char *skiff_commit(void);
SKIFF_API const char *skiff_spec_version(void);

struct skiff_options {
	size_t size;
	/* State directory; NULL = /run/skiff or $XDG_RUNTIME_DIR/skiff. */
	const char *root;
	const char *cgroup_manager; /* "cgroupfs" (NULL), "systemd", "disabled" */
	bool debug;                 /* keep notes for skiff_next_debug() */
	/* "true": go without a cgroup that may not be made; "false": never; "auto" or NULL:
	 * as there is real root or not. Decides the default of root, too. */
	const char *rootless;
};

SKIFF_API int skiff_new(const struct skiff_options *options, struct skiff **ret,
			struct skiff_error *e);
SKIFF_API void skiff_free(struct skiff *s);

/* Something worth a debug line: capabilities left out and the like. NULL after the last
 * one. */
SKIFF_API const char *skiff_next_warning(struct skiff *s);

/* With `debug`: the steps of the plans that were carried out, a line each. NULL after the last one. */
SKIFF_API const char *skiff_next_debug(struct skiff *s);

struct skiff_create {
	size_t size;
	const char *id;
	const char *bundle; /* NULL = the working directory */
	const char *config; /* file name in the bundle or absolute; NULL = config.json */
	const char *console_socket, *pidfd_socket, *pid_file;
	const char *trace; /* Chrome trace of every step is written here */
	bool no_pivot, no_new_keyring;
	bool detach;           /* run: the caller will not wait */
	uint32_t preserve_fds; /* descriptors 3 and following that the process inherits */
	uint16_t rows, columns; /* of a new terminal, unless the config says so */
	/* run: called when the program may run from then on, all hooks before it done: the time
	 * to block the signals that the caller forwards. NULL = not needed. */
	void (*lets_go)(void *ctx);
	void *ctx;
	/* Three descriptors that become the process's 0, 1 and 2; they stay open here. NULL = the
	 * caller's own. */
	const int *stdio;
};

/* A process that was started. It is the caller's child: the caller reaps it. */
struct skiff_process {
	size_t size;
	pid_t pid;
	int pidfd;    /* the caller's to close */
	int terminal; /* the terminal's master, or -1; the caller's to close */
	int notify; /* of run without detach: call skiff_notify() when it can be read; or -1 */
	bool shared_pids; /* of create and run: no pid namespace of its own ends others with it */
};

struct skiff_exec {
	size_t size;
	const char *id;
	const char
		*process; /* file with a process object; NULL = args and what follows */
	const char *const *args; /* n_args of them */
	size_t n_args;
	const char *const *env; /* added to the container's: "NAME=value" */
	size_t n_env;
	const char *const *caps; /* added: "CAP_NET_ADMIN" or "net_admin" */
	size_t n_caps;
	const uint32_t *groups; /* added */
	size_t n_groups;
	const char *user; /* "UID" or "UID:GID" */
	const char *cwd, *process_label, *apparmor;
	const char *const *cgroups; /* "[CONTROLLER,...:]PATH", below the container's */
	size_t n_cgroups;
	const char *console_socket, *pidfd_socket, *pid_file, *trace;
	bool terminal, no_new_privs, ignore_paused, detach;
	uint32_t preserve_fds;
	uint16_t rows, columns;
	void (*lets_go)(void *ctx); /* as in struct skiff_create */
	void *ctx;
	const int *stdio; /* as in struct skiff_create */
	bool no_terminal; /* whatever `process` says */
};

/* The specification's operations. A container counts as "creating" until the context that
 * created it is freed. ret: NULL, or gets init, with its terminal's master unless a console socket
 * is named. */
SKIFF_API int skiff_create(struct skiff *s, const struct skiff_create *c,
			   struct skiff_process *ret, struct skiff_error *e);
SKIFF_API int skiff_start(struct skiff *s, const char *id, struct skiff_error *e);
/* SIGKILL first and success for an unknown id when `force`. */
SKIFF_API int skiff_delete(struct skiff *s, const char *id, bool force,
			   struct skiff_error *e);
/* all: every process of the container, and success when none is left. */
SKIFF_API int skiff_kill(struct skiff *s, const char *id, int signal, bool all,
			 struct skiff_error *e);
/* Adds mounts to a running container, or removes (unmounts) those at the same destinations. file: JSON,
 * {"mounts": [...]} or the list itself. All of them or, when one fails, none is added. */
SKIFF_API int skiff_mounts(struct skiff *s, const char *id, bool remove, const char *file,
			   struct skiff_error *e);
/* The state as JSON, pretty. */
SKIFF_API int skiff_state(struct skiff *s, const char *id, const char **ret,
			  struct skiff_error *e);

/* Freezes every process of a running or created container, or lets them go on. A pause
 * that is not complete after 10 s is taken back; the error names who did not stop. */
SKIFF_API int skiff_pause(struct skiff *s, const char *id, struct skiff_error *e);
SKIFF_API int skiff_resume(struct skiff *s, const char *id, struct skiff_error *e);
/* The pids of all its processes as the caller sees them, in ascending order. */
SKIFF_API int skiff_processes(struct skiff *s, const char *id, const pid_t **ret,
			      size_t *ret_n, struct skiff_error *e);

/* What its cgroups count, as a line of JSON: {"type":"stats","id":...,"data":{...}} */
SKIFF_API int skiff_stats(struct skiff *s, const char *id, const char **ret,
			  struct skiff_error *e);

struct skiff_events {
	size_t size;
	const char *id;
	int64_t interval_ns; /* between two lines of statistics */
	/* Gets each event: a line of JSON as skiff_stats(), or {"type":"oom","id":...} as
	 * soon as the kernel tells. Other than 0 ends the stream. */
	int (*call)(void *ctx, const char *json);
	void *ctx;
};

/* Returns when the container has ended, or what `call` returned. */
SKIFF_API int skiff_events(struct skiff *s, const struct skiff_events *o,
			   struct skiff_error *e);

/* Hears of processes that the kernel kills for memory, from a loop of the caller's. */
struct skiff_oom {
	size_t size;
	int fd; /* to poll: POLLPRI if `urgent`, else POLLIN; -1 = closed */
	bool urgent;
	int dir; /* the rest is the library's own */
	uint64_t kills;
};
/* Fails where the container has no memory controller. It belongs to the caller, not to the context. */
SKIFF_API int skiff_oom_open(struct skiff *s, const char *id, struct skiff_oom *ret,
			     struct skiff_error *e);
/* Whether one was killed since the last call. */
SKIFF_API bool skiff_oom_take(struct skiff_oom *w);
SKIFF_API void skiff_oom_close(struct skiff_oom *w);

/* create and start at once. */
SKIFF_API int skiff_run(struct skiff *s, const struct skiff_create *c,
			struct skiff_process *ret, struct skiff_error *e);
/* Passes on that the process of a run is ready (sd_notify(3)): 1 = done, and p->notify can be closed;
 * 0 = it has not said so yet. */
SKIFF_API int skiff_notify(struct skiff *s, const struct skiff_process *p,
			   struct skiff_error *e);
SKIFF_API int skiff_exec(struct skiff *s, const struct skiff_exec *x,
			 struct skiff_process *ret, struct skiff_error *e);

/* Of a checkpoint, a restore, or both; criu(8) tells more about most of them. */
struct skiff_criu {
	size_t size;
	const char *id;         /* checkpoint */
	const char *image_path; /* directory of the image; NULL = "checkpoint" */
	const char *work_path;  /* criu's log; NULL = image_path */
	const char
		*parent_path; /* checkpoint: of an image before, relative to image_path */
	const char *page_server;  /* checkpoint: "ADDRESS:PORT" */
	const char *cgroups_mode; /* "soft" (NULL), "full", "strict", "ignore" */
	const char
		*network_lock; /* "iptables", "nftables", "skip"; NULL = criu's choice */
	const char *lsm_profile, *lsm_mount_context; /* restore */
	int status_fd; /* checkpoint: gets a byte when page server or lazy pages are ready; 0 = none */
	bool empty_network; /* neither save nor restore what is in the network namespace */
	bool tcp_established, tcp_close, tcp_skip_in_flight, ext_unix_sk, shell_job;
	bool file_locks, lazy_pages, auto_dedup, link_remap;
	bool leave_running; /* checkpoint: else the container is deleted */
	bool pre_dump;      /* checkpoint: memory only, the container goes on */
};

/* Saves the processes of a running or paused container to files. */
SKIFF_API int skiff_checkpoint(struct skiff *s, const struct skiff_criu *o,
			       struct skiff_error *e);
/* Makes a container from a bundle and the processes of a checkpoint; they run on. */
SKIFF_API int skiff_restore(struct skiff *s, const struct skiff_create *c,
			    const struct skiff_criu *o, struct skiff_process *ret,
			    struct skiff_error *e);

struct skiff_update {
	size_t size;
	const char *id;
	const char *resources; /* JSON text of linux.resources: what changes */
	size_t length;
	const char *name; /* where the text is from, for messages; or NULL */
	const char *l3_cache_schema, *mem_bw_schema; /* of its class of resctrl */
};

/* New limits for a container that is there: all of them, or none and the error. Device
 * rules are added to those in force. */
SKIFF_API int skiff_update(struct skiff *s, const struct skiff_update *u,
			   struct skiff_error *e);

struct skiff_container {
	size_t size;
	const char *id, *status, *bundle, *rootfs, *created, *owner;
	pid_t pid;
	const char *json; /* as skiff_state(), on one line */
};

/* All containers of the state directory, by id. Those whose state cannot be read are left
 * out, with a warning. */
SKIFF_API int skiff_list(struct skiff *s, const struct skiff_container **ret,
			 size_t *ret_n, struct skiff_error *e);

/* The ids in which an extended regular expression (POSIX) matches somewhere. */
SKIFF_API int skiff_match(struct skiff *s, const char *pattern, const char *const **ret,
			  size_t *ret_n, struct skiff_error *e);

/* --- without a container --- */

/* A default configuration for `skiff spec`. */
SKIFF_API int skiff_spec(struct skiff *s, bool rootless, const char **ret,
			 struct skiff_error *e);
/* What the runtime can do, as the specification's features document. */
SKIFF_API int skiff_features(struct skiff *s, const char **ret, struct skiff_error *e);
/* What create would do here, without doing it. json: with "schemaVersion"; else for
 * people. */
SKIFF_API int skiff_plan(struct skiff *s, const struct skiff_create *c, bool json,
			 const char **ret, struct skiff_error *e);

struct skiff_finding {
	size_t size;
	bool hint;          /* worth knowing, but no fault */
	const char *origin; /* JSON path, or "" */
	const char *cause;  /* what is wrong */
	const char *fix;    /* what to do, or "" */
};

/* Everything that would keep the bundle from running here. No side effects. */
SKIFF_API int skiff_check(struct skiff *s, const struct skiff_create *c,
			  const struct skiff_finding **ret, size_t *ret_n,
			  struct skiff_error *e);

/* "1.5s", "100ms", "1h2m": nanoseconds; -1 = no duration, or too long. */
SKIFF_API int64_t skiff_duration(const char *text);
/* "TERM", "SIGTERM", "sigterm", "15", "RTMIN+1" -> number; -1 = unknown. */
SKIFF_API int skiff_signal_number(const char *name);
/* The name ("TERM") of a signal below the real-time ones, or NULL. */
SKIFF_API const char *skiff_signal_name(int number);

#ifdef __cplusplus
}
#endif
#endif
