/* Building error values: formatting into fixed buffers, truncation instead of failure. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static void put_message(struct err *e, enum err_code code, int errnum, const char *fmt,
			va_list ap)
{
	int n;

	*e = (struct err){ .code = code, .errnum = errnum };
	n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	if (errnum && n >= 0 && (size_t)n < sizeof(e->msg))
		snprintf(e->msg + n, sizeof(e->msg) - (size_t)n, ": %s",
			 strerror(errnum));
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_message(e, code, 0, fmt, ap);
	va_end(ap);
	return -1;
}

int err_at(struct err *e, enum err_code code, const char *origin, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_message(e, code, 0, fmt, ap);
	va_end(ap);
	return err_origin(e, origin);
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	put_message(e, ERR_SYSTEM, errnum, fmt, ap);
	va_end(ap);
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char prefix[512], rest[sizeof(e->msg)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(prefix, sizeof(prefix), fmt, ap);
	va_end(ap);
	memcpy(rest, e->msg, sizeof(rest));
	if (snprintf(e->msg, sizeof(e->msg), "%s: %s", prefix, rest) < 0)
		e->msg[0] = '\0';
	return -1;
}

int err_origin(struct err *e, const char *origin)
{
	if (!e->origin[0] && origin)
		snprintf(e->origin, sizeof(e->origin), "%s", origin);
	return -1;
}

const char *err_code_name(enum err_code code)
{
	static const char *const names[ERR_COUNT] = {
		[ERR_GENERAL] = "general", [ERR_CONFIG] = "config",
		[ERR_HOST] = "host",       [ERR_SYSTEM] = "system",
		[ERR_INIT] = "init",       [ERR_EXEC] = "exec",
		[ERR_HOOK] = "hook",       [ERR_STATE] = "state",
		[ERR_USAGE] = "usage",     [ERR_UNKNOWN] = "unknown",
		[ERR_EXISTS] = "exists",   [ERR_STOPPED] = "not-running",
	};

	return names[code];
}

const char *err_errno_name(int errnum)
{
	static const struct {
		int value;
		const char *name;
	} names[] = {
#define E(n) { n, #n }
		E(EPERM),      E(ENOENT),    E(ESRCH),        E(EINTR),
		E(EIO),        E(ENXIO),     E(E2BIG),        E(ENOEXEC),
		E(EBADF),      E(ECHILD),    E(EAGAIN),       E(ENOMEM),
		E(EACCES),     E(EFAULT),    E(ENOTBLK),      E(EBUSY),
		E(EEXIST),     E(EXDEV),     E(ENODEV),       E(ENOTDIR),
		E(EISDIR),     E(EINVAL),    E(ENFILE),       E(EMFILE),
		E(ENOTTY),     E(ETXTBSY),   E(EFBIG),        E(ENOSPC),
		E(ESPIPE),     E(EROFS),     E(EMLINK),       E(EPIPE),
		E(EDOM),       E(ERANGE),    E(ENAMETOOLONG), E(ENOSYS),
		E(ENOTEMPTY),  E(ELOOP),     E(EOVERFLOW),    E(EUSERS),
		E(EOPNOTSUPP), E(ETIMEDOUT), E(ECONNREFUSED), E(ECONNRESET),
		E(ENOBUFS),    E(ENOTSOCK),  E(EKEYREVOKED),
#undef E
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].value == errnum)
			return names[i].name;
	return "";
}
