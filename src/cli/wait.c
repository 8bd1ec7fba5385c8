/* Waiting in the foreground: signals go on to the process, its end becomes our exit
 * status. */
#include <errno.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

void wait_block(void *ctx)
{
	/* What a fault of our own raises stays deadly. */
	static const int own[] = { SIGSEGV, SIGBUS,  SIGFPE, SIGILL,
				   SIGTRAP, SIGABRT, SIGSYS };
	struct cli *cli = ctx;

	if (cli->blocks)
		return;
	cli->blocks = true;
	sigfillset(&cli->blocked);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		sigdelset(&cli->blocked, own[i]);
	sigprocmask(SIG_SETMASK, &cli->blocked, &cli->mask);
}

/* Takes all ended children, orphans that we adopted as subreaper included. */
void wait_reap(struct waiting *w)
{
	siginfo_t info;

	while (!w->ended) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG) < 0 || !info.si_pid)
			return;
		if (info.si_pid != w->pid)
			continue;
		w->ended = true;
		w->status = info.si_code == CLD_EXITED ? info.si_status
						       : 128 + info.si_status;
	}
}

void wait_on_signal(struct waiting *w, int signal)
{
	switch (signal) {
	case SIGCHLD:
		wait_reap(w);
		return;
	case SIGURG:
	case SIGWINCH:
	case SIGPIPE:
		return;
	default:
		/* The pid is our unreaped child's, so it is nobody else's. */
		kill(w->pid, signal);
	}
}

bool wait_pass_ready(struct cli *cli, const struct skiff_process *p)
{
	struct skiff_error e = { .size = sizeof(e) };
	int r = skiff_notify(cli->skiff, p, &e);

	if (r < 0)
		cli_fail(cli, &e);
	return r;
}

/* Until the container has said that it is ready. */
static void wait_for_ready(struct cli *cli, struct waiting *w,
			   const struct skiff_process *p)
{
	auto_fd signals = p->notify < 0 ? -1 : signalfd(-1, &cli->blocked, SFD_CLOEXEC);
	struct pollfd fds[] = { { signals, POLLIN, 0 }, { p->notify, POLLIN, 0 } };
	struct signalfd_siginfo info;

	while (signals >= 0 && !w->ended) {
		if (poll(fds, 2, -1) < 0)
			return;
		if (fds[1].revents && wait_pass_ready(cli, p))
			return;
		if (fds[0].revents && read(signals, &info, sizeof(info)) == sizeof(info))
			wait_on_signal(w, (int)info.ssi_signo);
	}
}

int cli_wait(struct cli *cli, const struct skiff_process *p)
{
	struct waiting w = { .pid = p->pid };

	wait_for_ready(cli, &w, p);
	while (!w.ended) {
		int signal = sigwaitinfo(&cli->blocked, NULL);

		if (signal > 0)
			wait_on_signal(&w, signal);
	}
	return w.status;
}

int cli_wait_and_delete(struct cli *cli, const struct skiff_process *p, const char *id,
			bool keep)
{
	struct skiff_error e = { .size = sizeof(e) };
	int status = p->terminal >= 0 ? cli_wait_terminal(cli, p) : cli_wait(cli, p);

	/* Hooks inherit the mask. */
	sigprocmask(SIG_SETMASK, &cli->mask, NULL);
	if (!keep && skiff_delete(cli->skiff, id, false, &e) < 0)
		return cli_fail(cli, &e);
	return status;
}
