/*
 * The terminal of a process in the foreground: our own goes to raw mode, bytes are
 * relayed to and from the master, and changes of the window's size are passed on. What
 * cannot be written yet is kept, so that a program which reads nothing while it writes a
 * lot cannot lock us up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"

enum { CHUNK = 8192 };

struct relay {
	struct waiting w;
	struct cli *cli;
	const struct skiff_process *p;
	int master, signals, notify;
	bool in_open, out_open;
	char pending[CHUNK]; /* of stdin, on its way to the master */
	size_t len, sent;
};

void cli_window_size(uint16_t *ret_rows, uint16_t *ret_columns)
{
	struct winsize size;

	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) < 0)
		return;
	*ret_rows = size.ws_row;
	*ret_columns = size.ws_col;
}

static void copy_window_size(int master)
{
	struct winsize size;

	if (!ioctl(STDIN_FILENO, TIOCGWINSZ, &size))
		ioctl(master, TIOCSWINSZ, &size);
}

static bool make_raw(struct termios *ret_old)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, ret_old) < 0)
		return false;
	raw = *ret_old;
	cfmakeraw(&raw);
	return !tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* stdin to the buffer. Its end is told as a terminal tells it, by the end-of-file character (^D). */
static void take_input(struct relay *r)
{
	ssize_t n = read(STDIN_FILENO, r->pending, CHUNK);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		r->in_open = false;
		/* The first may only end a line that has no end. */
		r->pending[0] = r->pending[1] = 'D' & 0x1f;
		n = 2;
	}
	r->len = (size_t)n;
	r->sent = 0;
}

static void give_input(struct relay *r)
{
	ssize_t n = write(r->master, r->pending + r->sent, r->len - r->sent);

	if (n > 0)
		r->sent += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		r->sent = r->len;
	if (r->sent == r->len)
		r->len = r->sent = 0;
}

/* false = nothing more for now. EIO: nobody has the terminal open any more. */
static bool relay_output(struct relay *r)
{
	char text[CHUNK];
	ssize_t n = read(r->master, text, sizeof(text));

	if (n <= 0) {
		r->out_open = n < 0 && (errno == EAGAIN || errno == EINTR);
		return false;
	}
	if (fd_write_all(STDOUT_FILENO, text, (size_t)n) < 0)
		r->out_open = false;
	return r->out_open;
}

static void take_signal(struct relay *r)
{
	struct signalfd_siginfo info;

	if (read(r->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH)
		copy_window_size(r->master);
	wait_on_signal(&r->w, (int)info.ssi_signo);
}

static void relay_once(struct relay *r)
{
	struct pollfd p[] = {
		{ r->signals, POLLIN, 0 },
		{ r->in_open && !r->len ? STDIN_FILENO : -1, POLLIN, 0 },
		{ r->out_open ? r->master : -1, (short)(POLLIN | (r->len ? POLLOUT : 0)),
		  0 },
		{ r->notify, POLLIN, 0 },
	};

	if (poll(p, 4, -1) < 0)
		return;
	if (p[3].revents && wait_pass_ready(r->cli, r->p))
		r->notify = -1;
	if (p[2].revents & POLLOUT)
		give_input(r);
	if (p[2].revents & (POLLIN | POLLHUP | POLLERR))
		relay_output(r);
	if (p[1].revents)
		take_input(r);
	if (p[0].revents)
		take_signal(r);
}

int cli_wait_terminal(struct cli *cli, const struct skiff_process *p)
{
	struct relay r = { .w = { .pid = p->pid },
			   .cli = cli,
			   .p = p,
			   .notify = p->notify,
			   .master = p->terminal,
			   .in_open = true,
			   .out_open = true };
	struct termios before;
	bool raw;

	r.signals = signalfd(-1, &cli->blocked, SFD_CLOEXEC | SFD_NONBLOCK);
	if (r.signals < 0) {
		cli_error(cli, "signalfd: the terminal cannot be relayed");
		return cli_wait(cli, p);
	}
	fcntl(r.master, F_SETFL, O_RDWR | O_NONBLOCK);
	raw = make_raw(&before);
	while (!r.w.ended)
		relay_once(&r);
	while (r.out_open && relay_output(&r))
		;
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	close(r.signals);
	return r.w.status;
}
