/*
 * `skiff check`, the program: it, its interpreter ("#!" and ELF PT_INTERP) and its
 * working directory in the root file system. What a mount will cover is not looked at.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/check.h"

enum { HEAD = 256, INTERPRETERS = 4, SEGMENTS = 64, PATH_LONG = 1024 };

bool check_is_covered(const struct checker *k, const char *path)
{
	for (size_t i = 0; i < k->spec->mounts.n; i++) {
		const char *d = k->spec->mounts.v[i].destination;
		size_t n = d ? strlen(d) : 0;

		while (n > 1 && d[n - 1] == '/')
			n--;
		if (n > 1 && !strncmp(path, d, n) && (path[n] == '/' || !path[n]))
			return true;
	}
	return false;
}

static const char *search_path(const struct process *p)
{
	for (size_t i = 0; i < p->env.n; i++)
		if (!strncmp(p->env.v[i], "PATH=", 5))
			return p->env.v[i] + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

static bool is_executable(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_mode & 0111;
}

/* The program as execvp in the container would find it; NULL = nowhere. */
static const char *find_program(struct checker *k, const struct process *p)
{
	const char *name = p->args.v[0];

	if (strchr(name, '/'))
		return *name == '/' ? name
				    : check_path(k, "%s/%s", p->cwd ? p->cwd : "", name);
	for (const char *dir = search_path(p); *dir;) {
		size_t n = strcspn(dir, ":");
		const char *path = check_path(k, "%.*s/%s", (int)n, dir, name);
		auto_fd fd = check_open(k, path, O_PATH);

		if ((fd >= 0 && is_executable(fd)) || check_is_covered(k, path))
			return path;
		dir += n + (dir[n] == ':');
	}
	return NULL;
}

static uint16_t machine_of(const char *arch)
{
	return !strcmp(arch, "x86_64")    ? EM_X86_64
	       : !strcmp(arch, "aarch64") ? EM_AARCH64
					  : 0;
}

static bool runs_here(uint16_t machine, const char *arch)
{
	uint16_t own = machine_of(arch);

	/* 32-bit programs run where the kernel was built for them. */
	return !own || machine == own || (own == EM_X86_64 && machine == EM_386) ||
	       (own == EM_AARCH64 && machine == EM_ARM);
}

/* The dynamic linker that an ELF file names; "" = none. */
static const char *elf_interpreter(struct checker *k, int fd, const Elf64_Ehdr *head)
{
	for (size_t i = 0; i < head->e_phnum && i < SEGMENTS; i++) {
		Elf64_Phdr ph;
		char name[PATH_LONG] = "";

		if (pread(fd, &ph, sizeof(ph),
			  (off_t)(head->e_phoff + i * head->e_phentsize)) != sizeof(ph))
			return "";
		if (ph.p_type != PT_INTERP || ph.p_filesz >= sizeof(name))
			continue;
		if (pread(fd, name, ph.p_filesz, (off_t)ph.p_offset) !=
		    (ssize_t)ph.p_filesz)
			return "";
		return arena_strdup(k->arena, name);
	}
	return "";
}

static const char *script_interpreter(struct checker *k, const char *head)
{
	const char *s = head + 2 + strspn(head + 2, " \t");

	return arena_strndup(k->arena, s, strcspn(s, " \t\n"));
}

/* What must be there for the file to run, as far as its head tells: "" = nothing more,
 * NULL = a fault was found. */
static const char *needed_by(struct checker *k, const char *path, int fd)
{
	union {
		char text[HEAD + 1];
		Elf64_Ehdr elf;
	} head = { .text = "" };
	ssize_t n = pread(fd, head.text, HEAD, 0);

	if (n >= 2 && !memcmp(head.text, "#!", 2))
		return script_interpreter(k, head.text);
	if (n < (ssize_t)sizeof(head.elf) || memcmp(head.text, ELFMAG, SELFMAG) != 0) {
		check_add(k, false, "process.args[0]", "scripts begin with #!",
			  "%s is neither a program nor a script", path);
		return NULL;
	}
	if (!runs_here(head.elf.e_machine, k->host->arch)) {
		check_add(k, true, "process.args[0]",
			  "use an image for this architecture, or binfmt_misc with qemu",
			  "%s is for another architecture (ELF machine %u) than this "
			  "host (%s)",
			  path, head.elf.e_machine, k->host->arch);
		return NULL;
	}
	return head.elf.e_ident[EI_CLASS] == ELFCLASS64
		       ? elf_interpreter(k, fd, &head.elf)
		       : "";
}

/* The file is there and executable. user: which file needs it, NULL = the
 * configuration. */
static bool check_link(struct checker *k, const char *path, const char *user, int fd)
{
	if (fd < 0 && user)
		check_add(k, false, "process.args[0]", "put it into the image",
			  "%s needs the interpreter %s: %s", user, path, strerror(-fd));
	else if (fd < 0 && fd != -EACCES)
		check_add(k, false, "process.args[0]", NULL,
			  "exec: \"%s\": %s in the root file system", path,
			  strerror(-fd));
	else if (fd >= 0 && !is_executable(fd))
		check_add(k, false, "process.args[0]", "chmod +x",
			  "exec: \"%s\": permission denied (not an executable "
			  "file)",
			  path);
	else
		return fd >= 0;
	return false;
}

static void check_chain(struct checker *k, const char *path)
{
	const char *user = NULL;

	for (int i = 0; i < INTERPRETERS && path && *path && !check_is_covered(k, path);
	     i++) {
		auto_fd fd = check_open(k, path, O_RDONLY);

		if (!check_link(k, path, user, fd))
			return;
		user = path;
		path = needed_by(k, path, fd);
	}
}

static void check_cwd(struct checker *k, const struct process *p)
{
	auto_fd fd = -1;

	if (!p->cwd || *p->cwd != '/' || check_is_covered(k, p->cwd))
		return;
	fd = check_open(k, p->cwd, O_PATH | O_DIRECTORY);
	if (fd == -ENOENT)
		check_add(k, true, "process.cwd", NULL,
			  "%s is not in the root file system and will be made", p->cwd);
	else if (fd < 0)
		check_add(k, false, "process.cwd", NULL, "%s: %s", p->cwd, strerror(-fd));
}

void check_program(struct checker *k)
{
	const struct process *p = k->spec->process;
	const char *path;

	if (!p || !p->args.n)
		check_add(k, false, p ? "process.args" : "process", "say what to run",
			  "missing: the container could be created, but not started");
	if (k->rootfs < 0 || !p || !p->args.n || !*p->args.v[0])
		return;
	check_cwd(k, p);
	path = find_program(k, p);
	if (!path)
		check_add(k, false, "process.args[0]",
			  "install it in the image, or name its whole path",
			  "exec: \"%s\": executable file not found in $PATH",
			  p->args.v[0]);
	else
		check_chain(k, path);
}
