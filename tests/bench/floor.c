/*
 * floor N ROOT CGROUP [shared-net]: the kernel's own work for one default container and
 * nothing else: no JSON, no state, no checks, no device filter.  What a runtime needs on
 * top is its own.  Does it N times: makes a cgroup below CGROUP, clones into it with new
 * namespaces, mounts what bundle A mounts over ROOT, pivots, runs /bin/true, waits,
 * removes the cgroup.  Prints the mean of each part in microseconds.  "shared-net" keeps
 * the host's network namespace, FLOOR_IDLE_MS pauses before each round.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* new mount calls: musl and older headers lack them */
enum {
	NR_OPEN_TREE = 428,
	NR_MOVE_MOUNT = 429,
	NR_MOUNT_SETATTR = 442,
	TREE_CLONE = 1 | O_CLOEXEC,
	MOVE_EMPTY_PATH = 4,
	ATTR_RDONLY_NOSUID_NODEV_NOEXEC = 1 | 2 | 4 | 8,
};

struct attr {
	unsigned long long set, clear, propagation, userns;
};

static const unsigned long hard = MS_NOSUID | MS_NOEXEC | MS_NODEV;
static int host_cgroup = -1;

static void must(long result, const char *what)
{
	if (result >= 0)
		return;
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	_exit(99);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static void enter_root(const char *root)
{
	host_cgroup = syscall(NR_OPEN_TREE, AT_FDCWD, "/sys/fs/cgroup", TREE_CLONE);
	must(host_cgroup, "open_tree /sys/fs/cgroup");
	must(mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL), "slave /");
	must(mount(root, root, NULL, MS_BIND | MS_REC, NULL), root);
	must(chdir(root), root);
}

static void mount_proc(const char *root)
{
	(void)root;
	must(mount("proc", "proc", "proc", 0, NULL), "proc");
}

static void mount_dev(const char *root)
{
	(void)root;
	must(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME,
		   "mode=755,size=65536k"),
	     "dev");
	mkdir("dev/pts", 0755);
	mkdir("dev/shm", 0755);
	mkdir("dev/mqueue", 0755);
	must(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		   "newinstance,ptmxmode=0666,mode=0620,gid=5"),
	     "dev/pts");
	must(mount("shm", "dev/shm", "tmpfs", hard, "mode=1777,size=65536k"), "dev/shm");
	must(mount("mqueue", "dev/mqueue", "mqueue", hard, NULL), "dev/mqueue");
}

static void mount_sys(const char *root)
{
	(void)root;
	must(mount("sysfs", "sys", "sysfs", hard | MS_RDONLY, NULL), "sys");
}

/*
 * A fresh cgroup2 mount outside a cgroup namespace waits some 10 ms for an RCU grace
 * period on an idle machine and resets the flags of the host's mount: a clone of the
 * host's mount is the same file system without either.
 */
static void mount_cgroup(const char *root)
{
	struct attr ro = { .set = ATTR_RDONLY_NOSUID_NODEV_NOEXEC };

	(void)root;
	must(syscall(NR_MOUNT_SETATTR, host_cgroup, "", AT_EMPTY_PATH, &ro, sizeof(ro)),
	     "mount_setattr cgroup");
	must(syscall(NR_MOVE_MOUNT, host_cgroup, "", AT_FDCWD, "sys/fs/cgroup",
		     MOVE_EMPTY_PATH),
	     "move_mount cgroup");
}

static void make_nodes(const char *root)
{
	static const struct {
		const char *path;
		int major, minor;
	} nodes[] = {
		{ "dev/null", 1, 3 }, { "dev/zero", 1, 5 },   { "dev/full", 1, 7 },
		{ "dev/tty", 5, 0 },  { "dev/random", 1, 8 }, { "dev/urandom", 1, 9 },
	};
	static const char *const links[][2] = {
		{ "/proc/self/fd", "dev/fd" },       { "/proc/self/fd/0", "dev/stdin" },
		{ "/proc/self/fd/1", "dev/stdout" }, { "/proc/self/fd/2", "dev/stderr" },
		{ "pts/ptmx", "dev/ptmx" },
	};

	(void)root;
	umask(0);
	for (size_t i = 0; i < COUNT(nodes); i++)
		must(mknod(nodes[i].path, S_IFCHR | 0666,
			   makedev(nodes[i].major, nodes[i].minor)),
		     nodes[i].path);
	for (size_t i = 0; i < COUNT(links); i++)
		must(symlink(links[i][0], links[i][1]), links[i][1]);
}

/* which of these paths exist depends on the kernel */
static void protect(const char *root)
{
	static const char *const read_only[] = {
		"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger",
	};
	static const char *const files[] = {
		"proc/kcore",      "proc/keys",        "proc/latency_stats",
		"proc/timer_list", "proc/timer_stats", "proc/sched_debug",
	};
	static const char *const dirs[] = {
		"proc/acpi",
		"proc/asound",
		"sys/firmware",
		"proc/scsi",
	};
	const unsigned long again = MS_BIND | MS_REMOUNT | MS_RDONLY | hard;

	(void)root;
	for (size_t i = 0; i < COUNT(read_only); i++) {
		const char *path = read_only[i];

		if (mount(path, path, NULL, MS_BIND | MS_REC, NULL) == 0)
			must(mount(path, path, NULL, again, NULL), path);
	}
	for (size_t i = 0; i < COUNT(files); i++)
		mount("dev/null", files[i], NULL, MS_BIND, NULL);
	for (size_t i = 0; i < COUNT(dirs); i++)
		mount("tmpfs", dirs[i], "tmpfs", MS_RDONLY, "size=0k");
}

static void pivot(const char *root)
{
	(void)root;
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "umount the old root");
	must(chdir("/"), "chdir /");
}

static void name_and_net(const char *root)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)root;
	must(sethostname("floor", 5), "sethostname");
	must(ioctl(fd, SIOCSIFFLAGS, &lo), "lo up");
	close(fd);
}

/* clang-format off */
static const struct stage {
	const char *name;
	void (*run)(const char *root);
} stages[] = {
	{"enter", enter_root}, {"proc", mount_proc},  {"dev", mount_dev},
	{"sys", mount_sys},    {"cgroupfs", mount_cgroup}, {"nodes", make_nodes},
	{"protect", protect},  {"pivot", pivot},      {"net", name_and_net},
};
/* clang-format on */

/* the parts around the stages, summed over all rounds */
struct sums {
	double mkcg, clone, stage[COUNT(stages)], exec, wait, rmcg, total;
};

/* `stamp` is shared with the parent: one time at the start, one after each stage */
static _Noreturn void child(const char *root, double *stamp)
{
	char *argv[] = { "/bin/true", NULL };

	*stamp++ = now_us();
	for (size_t i = 0; i < COUNT(stages); i++) {
		stages[i].run(root);
		*stamp++ = now_us();
	}
	execv(argv[0], argv);
	must(-1, argv[0]);
	_exit(98);
}

/* CLONE_VFORK: the parent goes on when the child has executed its program */
static pid_t spawn(const char *root, int cgroup, unsigned long long flags, double *stamp)
{
	struct clone_args args = {
		.flags = flags | CLONE_INTO_CGROUP | CLONE_VFORK,
		.exit_signal = SIGCHLD,
		.cgroup = cgroup,
	};
	pid_t pid = syscall(SYS_clone3, &args, sizeof(args));

	if (pid == 0)
		child(root, stamp);
	must(pid, "clone3");
	return pid;
}

static void one_round(const char *root, const char *cgroup, unsigned long long flags,
		      double *stamp, struct sums *sum)
{
	double begin, made, executed, ended;
	int fd, status;
	pid_t pid;

	begin = now_us();
	must(mkdir(cgroup, 0755), cgroup);
	fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
	made = now_us();
	pid = spawn(root, fd, flags, stamp);
	executed = now_us();
	must(waitpid(pid, &status, 0), "waitpid");
	if (status)
		exit(1);
	ended = now_us();
	close(fd);
	must(rmdir(cgroup), cgroup);
	sum->mkcg += made - begin;
	sum->clone += stamp[0] - made;
	for (size_t i = 0; i < COUNT(stages); i++)
		sum->stage[i] += stamp[i + 1] - stamp[i];
	sum->exec += executed - stamp[COUNT(stages)];
	sum->wait += ended - executed;
	sum->rmcg += now_us() - ended;
	sum->total += now_us() - begin;
}

static void print_means(const struct sums *sum, int n)
{
	printf("total %.0f us: mkcg %.0f clone %.0f", sum->total / n, sum->mkcg / n,
	       sum->clone / n);
	for (size_t i = 0; i < COUNT(stages); i++)
		printf(" %s %.0f", stages[i].name, sum->stage[i] / n);
	printf(" exec %.0f wait %.0f rmcg %.0f\n", sum->exec / n, sum->wait / n,
	       sum->rmcg / n);
}

int main(int argc, char **argv)
{
	unsigned long long flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC |
				   CLONE_NEWUTS;
	const char *idle = getenv("FLOOR_IDLE_MS");
	struct sums sum = { 0 };
	double *stamp;
	char path[512];
	int n;

	if (argc < 4 || (n = atoi(argv[1])) < 1) {
		fputs("usage: floor N ROOT CGROUP [shared-net]\n", stderr);
		return 2;
	}
	if (argc == 4)
		flags |= CLONE_NEWNET;
	stamp = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (stamp == MAP_FAILED)
		must(-1, "mmap");
	snprintf(path, sizeof(path), "%s/floor-%d", argv[3], (int)getpid());
	for (int i = 0; i < n; i++) {
		if (idle)
			usleep(atoi(idle) * 1000);
		one_round(argv[2], path, flags, stamp, &sum);
	}
	print_means(&sum, n);
	return 0;
}
