/* Tables of the top level of config.json: root, mounts, hooks (config), and loading
 * it. */
#include <string.h>

#include "spec/tables.h"

/* clang-format off */
static const struct field root_fields[] = {
	J_STR(struct root, path, "path", F_REQUIRED | F_NONEMPTY, "root filesystem; relative to the bundle"),
	J_BOOL(struct root, readonly, "readonly", 0, "mount it read-only"),
	J_END
};
static const struct type root_type = { "root", sizeof(struct root), root_fields };

static const struct field mount_fields[] = {
	J_STR(struct mount, destination, "destination", F_REQUIRED | F_NONEMPTY, "path in the container"),
	J_STR(struct mount, type, "type", 0, "file system; none or bind with a bind option"),
	J_STR(struct mount, source, "source", 0, "device, name, or (bind) a path of the host, relative to the bundle"),
	J_STRS(struct mount, options, "options", 0, "mount options"),
	J_OBJS(struct mount, uid_mappings, "uidMappings", 0, struct id_map, &id_map_type, "user ids of an idmapped mount"),
	J_OBJS(struct mount, gid_mappings, "gidMappings", 0, struct id_map, &id_map_type, "group ids of an idmapped mount"),
	J_END
};
static const struct type mount_type = { "mount", sizeof(struct mount), mount_fields };

static const struct field hook_fields[] = {
	J_STR(struct hook, path, "path", F_REQUIRED | F_ABSOLUTE, "program; absolute"),
	J_STRS(struct hook, args, "args", 0, "arguments; the first is argv[0]"),
	J_STRS(struct hook, env, "env", 0, "environment; nothing else is passed"),
	J_OI64(struct hook, timeout, "timeout", 0, 1, INT32_MAX, "seconds until the hook is killed"),
	J_END
};
const struct type hook_type = { "hook", sizeof(struct hook), hook_fields };

static const struct field hooks_fields[] = {
	J_OBJS(struct hooks, of[HOOK_PRESTART], "prestart", 0, struct hook, &hook_type, "as createRuntime, which should be used instead"),
	J_OBJS(struct hooks, of[HOOK_CREATE_RUNTIME], "createRuntime", 0, struct hook, &hook_type, "on the host, before pivot_root"),
	J_OBJS(struct hooks, of[HOOK_CREATE_CONTAINER], "createContainer", 0, struct hook, &hook_type, "in the container's namespaces, before pivot_root"),
	J_OBJS(struct hooks, of[HOOK_START_CONTAINER], "startContainer", 0, struct hook, &hook_type, "in the container, before the program"),
	J_OBJS(struct hooks, of[HOOK_POSTSTART], "poststart", 0, struct hook, &hook_type, "on the host, once the program runs"),
	J_OBJS(struct hooks, of[HOOK_POSTSTOP], "poststop", 0, struct hook, &hook_type, "on the host, once the container is deleted"),
	J_END
};
static const struct type hooks_type = { "hooks", sizeof(struct hooks), hooks_fields };

static const struct field spec_fields[] = {
	J_STR(struct spec, oci_version, "ociVersion", F_REQUIRED, "version of the specification, such as 1.3.0"),
	J_OBJ(struct spec, process, "process", 0, struct process, &process_type, "the program"),
	J_OBJ(struct spec, root, "root", 0, struct root, &root_type, "root filesystem"),
	J_STR(struct spec, hostname, "hostname", F_BLANK, "host name in the container"),
	J_STR(struct spec, domainname, "domainname", F_BLANK, "NIS domain name in the container"),
	J_OBJS(struct spec, mounts, "mounts", 0, struct mount, &mount_type, "mounts, in this order"),
	J_OBJ(struct spec, hooks, "hooks", 0, struct hooks, &hooks_type, "programs of the engine that run at points of the container's life"),
	J_PAIRS(struct spec, annotations, "annotations", 0, "free text of engines"),
	J_OBJ(struct spec, linux_, "linux", 0, struct linux_config, &linux_type, "what only Linux has"),
	J_END
};
static const struct field mount_file_fields[] = {
	J_OBJS(struct mount_file, mounts, "mounts", F_REQUIRED, struct mount, &mount_type, "mounts, in this order"),
	J_END
};
const struct type mount_file_type = { "mounts", sizeof(struct mount_file), mount_file_fields };

const struct type spec_type = { "config", sizeof(struct spec), spec_fields };
/* clang-format on */

int spec_load_file(int dirfd, const char *name, struct arena *arena,
		   const struct json_notes *notes, struct spec *ret, char **ret_text,
		   size_t *ret_len, struct err *e)
{
	return json_load_file(&spec_type, dirfd, name, arena, notes, ret, ret_text,
			      ret_len, e);
}

int spec_load(const char *text, size_t n, const char *name, struct arena *arena,
	      const struct json_notes *notes, struct spec *ret, struct err *e)
{
	return json_load(&spec_type, text, n, name, arena, notes, ret, e);
}

const struct ns *spec_ns(const struct spec *s, int type)
{
	for (size_t i = 0; s->linux_ && i < s->linux_->namespaces.n; i++)
		if (s->linux_->namespaces.v[i].type == type)
			return &s->linux_->namespaces.v[i];
	return NULL;
}

const char *spec_annotation(const struct spec *s, const char *key)
{
	for (size_t i = 0; i < s->annotations.n; i++)
		if (!strcmp(s->annotations.v[i].key, key))
			return s->annotations.v[i].value;
	return NULL;
}

const char *spec_listener_path(const struct spec *s)
{
	const struct seccomp *w = s->linux_ ? s->linux_->seccomp : NULL;

	if (w && w->listener_path)
		return w->listener_path;
	return w ? spec_annotation(s, "run.oci.seccomp.receiver") : NULL;
}
