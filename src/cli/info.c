/* skiff spec, features, plan, check: what needs no container. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "cli/cli.h"

struct spec_opts {
	const char *bundle, *file;
	bool rootless;
};
struct features_opts {
	bool unused;
};
struct plan_opts {
	const char *bundle, *config, *format, *id;
};
struct check_opts {
	const char *bundle, *config, *id;
};

/* clang-format off */
static const struct opt spec_opts[] = {
	O_DIR(struct spec_opts, bundle, 'b', "bundle", "DIR", "Directory to write to (default: the working directory)."),
	O_PATH_(struct spec_opts, file, 'f', "file", "FILE", "File name to write instead of config.json."),
	O_FLAG(struct spec_opts, rootless, 0, "rootless", "For a user without root: with a user namespace."),
	O_HELP,
	O_END
};
/* clang-format on */
static const struct opt features_opts[] = { O_HELP, O_END };
/* clang-format off */
static const struct opt plan_opts[] = {
	O_WORD(struct plan_opts, format, 0, "format", "text json", "Format of the plan (default: text)."),
	O_DIR(struct plan_opts, bundle, 'b', "bundle", "DIR", "The same as BUNDLE (default: the working directory)."),
	O_PATH_(struct plan_opts, config, 'f', "config", "FILE", "Configuration to use instead of the bundle's config.json."),
	O_STR(struct plan_opts, id, 0, "id", "ID", "Id of the container (default: container)."),
	O_HELP,
	O_END
};
static const struct opt check_opts[] = {
	O_DIR(struct check_opts, bundle, 'b', "bundle", "DIR", "The same as BUNDLE (default: the working directory)."),
	O_PATH_(struct check_opts, config, 'f', "config", "FILE", "Configuration to use instead of the bundle's config.json."),
	O_STR(struct check_opts, id, 0, "id", "ID", "Check that this id is free, too."),
	O_HELP,
	O_END
};
/* clang-format on */

static int run_spec(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct spec_opts *o = opts;
	const char *name = o->file ? o->file : "config.json", *text;
	struct skiff_error e = { .size = sizeof(e) };
	auto_fd dir = -1, fd = -1;
	int r;

	(void)argc;
	(void)argv;
	if (skiff_spec(cli->skiff, o->rootless, &text, &e) < 0)
		return cli_fail(cli, &e);
	dir = open(o->bundle ? o->bundle : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return cli_error(cli, "bundle %s: %s", o->bundle, strerror(errno));
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return cli_error(cli, "File %s exists. Remove it first", name);
	r = fd < 0 ? -errno : fd_write_all(fd, text, strlen(text));
	return r < 0 ? cli_error(cli, "write %s: %s", name, strerror(-r)) : 0;
}

static int run_features(struct cli *cli, const void *opts, int argc, char **argv)
{
	struct skiff_error e = { .size = sizeof(e) };
	const char *text;

	(void)opts;
	(void)argc;
	(void)argv;
	if (skiff_features(cli->skiff, &text, &e) < 0)
		return cli_fail(cli, &e);
	return cli_print(cli, text, strlen(text));
}

static int run_plan(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct plan_opts *o = opts;
	struct skiff_create c = {
		.size = sizeof(c),
		.id = o->id ? o->id : "container",
		.bundle = argc ? argv[0] : o->bundle,
		.config = o->config,
	};
	struct skiff_error e = { .size = sizeof(e) };
	const char *text;

	if (skiff_plan(cli->skiff, &c, o->format && !strcmp(o->format, "json"), &text,
		       &e) < 0)
		return cli_fail(cli, &e);
	return cli_print(cli, text, strlen(text));
}

static void put_finding(const struct skiff_finding *f, struct buf *b)
{
	buf_str(b, f->hint ? "hint: " : "fault: ");
	if (*f->origin)
		buf_safe(b, f->origin);
	buf_str(b, *f->origin ? ": " : "");
	buf_safe(b, f->cause);
	buf_char(b, '\n');
	if (!*f->fix)
		return;
	buf_str(b, "    ");
	buf_safe(b, f->fix);
	buf_char(b, '\n');
}

static int run_check(struct cli *cli, const void *opts, int argc, char **argv)
{
	const struct check_opts *o = opts;
	struct skiff_create c = {
		.size = sizeof(c),
		.id = o->id,
		.bundle = argc ? argv[0] : o->bundle,
		.config = o->config,
	};
	struct skiff_error e = { .size = sizeof(e) };
	const struct skiff_finding *v;
	size_t n, faults = 0;
	struct buf b;

	if (skiff_check(cli->skiff, &c, &v, &n, &e) < 0)
		return cli_fail(cli, &e);
	buf_init(&b, &cli->arena, 64 << 20);
	for (size_t i = 0; i < n; i++) {
		faults += !v[i].hint;
		put_finding(&v[i], &b);
	}
	if (!faults)
		buf_str(&b, "no faults found\n");
	return cli_print(cli, b.p, b.len) || faults;
}

const struct cmd cmd_spec = {
	.usage = {
		"spec", "", "write a default config.json",
		"Writes a configuration to begin with: a shell in new namespaces, whose root file system is the\n"
		"directory rootfs beside it, read-only. A file that exists is not overwritten.",
		"skiff spec && skiff run test\nskiff spec --rootless --bundle /tmp/b", spec_opts,
	},
	.opts_size = sizeof(struct spec_opts), .max_args = 0, .stop_after = -1, .own_failure = 1, .run = run_spec,
};

const struct cmd cmd_features = {
	.usage = {
		"features", "", "show what this runtime supports, as JSON",
		"Prints the features document of the OCI runtime specification, which engines read.",
		"skiff features", features_opts,
	},
	.opts_size = sizeof(struct features_opts), .max_args = 0, .stop_after = -1, .own_failure = 1,
	.run = run_features,
};

const struct cmd cmd_plan = {
	.usage = {
		"plan", "[BUNDLE]", "show what create would do, without doing it",
		"Prints each step of \"skiff create\" on this host, with the path of the value in config.json that\n"
		"asks for it: first the steps of skiff itself, then those inside the new namespaces.",
		"skiff plan /srv/web\nskiff plan --format json /srv/web", plan_opts,
	},
	.opts_size = sizeof(struct plan_opts), .max_args = 1, .stop_after = -1, .own_failure = 1, .run = run_plan,
};

const struct cmd cmd_check = {
	.usage = {
		"check", "[BUNDLE]", "check whether a bundle can run on this host",
		"Prints all faults of the configuration, the root file system and the host that would keep the\n"
		"container from running, and hints; changes nothing. With a fault the exit status is 1.",
		"skiff check /srv/web\nskiff check --id web1 -b /srv/web", check_opts,
	},
	.opts_size = sizeof(struct check_opts), .max_args = 1, .stop_after = -1, .own_failure = 1, .run = run_check,
};
