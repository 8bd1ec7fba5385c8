/*
 * Rules of linux.sysctl: only parameters that belong to one of the container's
 * namespaces, since any other one would change the host.
 */
#include <stdio.h>
#include <string.h>

#include "spec/check.h"

/* By path below /proc/sys; a trailing slash means everything below. */
static const struct {
	const char *path;
	int ns;
} allowed[] = {
	{ "net/", NS_NET },
	{ "fs/mqueue/", NS_IPC },
	{ "kernel/sem", NS_IPC },
	{ "kernel/sem_next_id", NS_IPC },
	{ "kernel/shmmax", NS_IPC },
	{ "kernel/shmall", NS_IPC },
	{ "kernel/shmmni", NS_IPC },
	{ "kernel/shm_next_id", NS_IPC },
	{ "kernel/shm_rmid_forced", NS_IPC },
	{ "kernel/msgmax", NS_IPC },
	{ "kernel/msgmnb", NS_IPC },
	{ "kernel/msgmni", NS_IPC },
	{ "kernel/msg_next_id", NS_IPC },
	{ "kernel/auto_msgmni", NS_IPC },
	{ "kernel/hostname", NS_UTS },
	{ "kernel/domainname", NS_UTS },
	{ "kernel/ns_last_pid", NS_PID },
	{ "user/", NS_USER },
};

bool spec_sysctl_path(const char *key, char *ret, size_t size)
{
	size_t n = strlen(key), first = strcspn(key, "./");
	bool swap = key[first] == '.';

	if (!n || n >= size || check_has_control(key))
		return false;
	memcpy(ret, key, n + 1);
	/* As sysctl(8): the first separator decides which one it is; the other is part of
	 * a name. */
	for (char *p = ret; swap && *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return ret[0] != '/' && ret[n - 1] != '/' && !strstr(ret, "//") &&
	       !check_climbs(ret);
}

/* The namespace that a parameter belongs to, NS_NONE when none. */
static int owner(const char *path)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++) {
		size_t n = strlen(allowed[i].path);
		bool below = allowed[i].path[n - 1] == '/';

		if (below ? !strncmp(path, allowed[i].path, n)
			  : !strcmp(path, allowed[i].path))
			return allowed[i].ns;
	}
	return NS_NONE;
}

static bool is_value(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 32 && *s != '\t') || *s == 127)
			return false;
	return true;
}

static void check_one(struct check *c, const struct pair *p)
{
	char path[256];
	int ns;

	if (!spec_sysctl_path(p->key, path, sizeof(path))) {
		check_fault(c, "linux.sysctl",
			    "\"%.64s\" is not the name of a kernel parameter",
			    check_has_control(p->key) ? "..." : p->key);
		return;
	}
	ns = owner(path);
	if (ns == NS_NONE)
		check_fault(c, check_at(c, "linux.sysctl[\"%s\"]", p->key),
			    "belongs to no namespace and would change the host: set it "
			    "there");
	else if (!check_has_ns(c, ns))
		check_fault(c, check_at(c, "linux.sysctl[\"%s\"]", p->key),
			    "needs a namespace of its own: add {\"type\": \"%s\"} to "
			    "linux.namespaces",
			    names_text(ns_names, ns));
	if (!is_value(p->value))
		check_fault(c, check_at(c, "linux.sysctl[\"%s\"]", p->key),
			    "the value contains control characters");
	if (!strcmp(path, "kernel/hostname") && c->spec->hostname)
		check_fault(c, check_at(c, "linux.sysctl[\"%s\"]", p->key),
			    "conflicts with \"hostname\": keep one");
	if (!strcmp(path, "kernel/domainname") && c->spec->domainname)
		check_fault(c, check_at(c, "linux.sysctl[\"%s\"]", p->key),
			    "conflicts with \"domainname\": keep one");
}

void check_sysctl(struct check *c)
{
	for (size_t i = 0; i < c->spec->linux_->sysctl.n; i++)
		check_one(c, &c->spec->linux_->sysctl.v[i]);
}
