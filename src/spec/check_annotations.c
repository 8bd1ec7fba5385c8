/*
 * Annotations that change what a runtime does. Those of other runtimes that ask for something skiff does not do are refused,
 * because a container without it would not be what was asked for; all others are the engine's.
 */
#include <string.h>

#include "spec/check.h"

static const struct refused {
	const char *key; /* ends with a dot: all that begin so */
	const char *why;
} refused[] = {
	{ "run.oci.handler", "there are no handlers: give a runtime that has this one" },
	{ "module.wasm.", "WebAssembly modules are not run: give a runtime that does" },
	{ "krun.",
	  "containers are not run in virtual machines: give a runtime that does" },
	{ "run.oci.seccomp.plugins",
	  "there are no plugins: use listenerPath and an agent" },
	{ "run.oci.seccomp_bpf_data",
	  "a raw program cannot be checked against a profile: use linux.seccomp" },
};

static bool is_meant(const struct refused *r, const char *key)
{
	size_t n = strlen(r->key);

	return r->key[n - 1] == '.' ? !strncmp(key, r->key, n) : !strcmp(key, r->key);
}

static void check_one(struct check *c, const struct pair *p)
{
	if (!*p->key)
		check_fault(c, "annotations", "a key is empty: give it a name");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (is_meant(&refused[i], p->key))
			check_fault(c, "annotations", "%s is not supported: %s", p->key,
				    refused[i].why);
}

void check_annotations(struct check *c)
{
	for (size_t i = 0; i < c->spec->annotations.n; i++)
		check_one(c, &c->spec->annotations.v[i]);
}
