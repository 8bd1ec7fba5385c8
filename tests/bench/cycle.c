/*
 * cycle PROGRAM ROOT BUNDLE ID: the life of one container as an engine drives it:
 * create, start, wait until the payload has ended, delete.  In C, so that no shell's
 * time is measured.
 */
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* 0 if the command ended well; its own message has told why not */
static int run(char **argv)
{
	int status;
	pid_t pid;

	if (posix_spawn(&pid, argv[0], NULL, NULL, argv, environ) != 0) {
		fprintf(stderr, "cycle: cannot run %s\n", argv[0]);
		return 1;
	}
	waitpid(pid, &status, 0);
	return status != 0;
}

static pid_t read_pid(const char *path)
{
	FILE *file = fopen(path, "re");
	int pid = -1;

	if (!file || fscanf(file, "%d", &pid) != 1)
		pid = -1;
	if (file)
		fclose(file);
	unlink(path);
	return pid;
}

int main(int argc, char **argv)
{
	char pid_file[512];
	int failed;
	pid_t pid;

	if (argc != 5) {
		fputs("usage: cycle PROGRAM ROOT BUNDLE ID\n", stderr);
		return 2;
	}
	snprintf(pid_file, sizeof(pid_file), "%s/../cycle-%d.pid", argv[2],
		 (int)getpid());
	/* the container's init becomes our child when `create` has ended */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (run((char *[]){ argv[1], "--root", argv[2], "create", "--bundle", argv[3],
			    "--pid-file", pid_file, argv[4], NULL }))
		return 1;
	pid = read_pid(pid_file);
	failed = run((char *[]){ argv[1], "--root", argv[2], "start", argv[4], NULL });
	if (!failed)
		waitpid(pid, NULL, 0);
	failed |= run((char *[]){ argv[1], "--root", argv[2], "delete", argv[4], NULL });
	return failed;
}
