/* The command line of shims: "-name value", "--name=value"; the first other word is the action. */
#include <string.h>

#include "shim/options.h"

struct flag {
	const char *name;
	const char **value;
	bool *set;
};

/* How many words the flag took, or 0: unknown. */
static int take(const struct flag *flags, char **argv, int left, struct err *e)
{
	const char *word = *argv + (argv[0][1] == '-' ? 2 : 1);
	size_t n = strcspn(word, "=");

	for (const struct flag *f = flags; f->name; f++) {
		if (strlen(f->name) != n || strncmp(f->name, word, n) != 0)
			continue;
		if (f->set) {
			*f->set = strcmp(word + n, "=false") != 0;
			return 1;
		}
		if (word[n] == '=') {
			*f->value = word + n + 1;
			return 1;
		}
		if (left < 2) {
			err_set(e, ERR_USAGE, "flag needs an argument: -%s", f->name);
			return -1;
		}
		*f->value = argv[1];
		return 2;
	}
	err_set(e, ERR_USAGE, "flag provided but not defined: %s", *argv);
	return -1;
}

int args_read(int argc, char **argv, struct shim_args *ret, struct err *e)
{
	const char *ignored;
	bool debug;
	const struct flag flags[] = {
		{ "namespace", &ret->namespace, NULL },
		{ "address", &ret->address, NULL },
		{ "id", &ret->id, NULL },
		{ "bundle", &ret->bundle, NULL },
		{ "publish-binary", &ignored, NULL },
		{ "socket", &ignored, NULL },
		{ "debug-socket", &ignored, NULL },
		{ "debug", NULL, &debug },
		{ "info", NULL, &ret->info },
		{ "v", NULL, &ret->version },
		{ "version", NULL, &ret->version },
		{ "help", NULL, &ret->help },
		{ "h", NULL, &ret->help },
		{ NULL, NULL, NULL },
	};

	*ret = (struct shim_args){
		.namespace = "", .address = "", .id = "", .bundle = ""
	};
	for (int i = 1; i < argc;) {
		int n;

		if (argv[i][0] != '-') {
			ret->action = argv[i];
			return 0;
		}
		n = take(flags, argv + i, argc - i, e);
		if (n < 0)
			return -1;
		i += n;
	}
	return 0;
}
