/* The few string functions that init needs. Pure. */
#include "init/init.h"

size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

bool text_is(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return *a == *b;
}

bool text_begins(const char *s, const char *prefix)
{
	while (*prefix && *s == *prefix) {
		s++;
		prefix++;
	}
	return !*prefix;
}

size_t text_add(char *to, size_t size, size_t at, const char *s)
{
	while (at < size && (to[at] = *s++))
		at++;
	return at;
}

size_t text_decimal(char *to, size_t size, size_t at, uint64_t n)
{
	char digits[24];
	size_t i = sizeof(digits) - 1;

	digits[i] = '\0';
	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	return text_add(to, size, at, digits + i);
}

bool text_number(const char *s, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		unsigned digit = (unsigned)(*s - '0');

		if (digit > 9 || n > (max - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}

void text_fd_path(char to[FD_PATH_SIZE], int fd)
{
	text_decimal(to, FD_PATH_SIZE, text_add(to, FD_PATH_SIZE, 0, "/proc/self/fd/"),
		     (uint64_t)fd);
}
