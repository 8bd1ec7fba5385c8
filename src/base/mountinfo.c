/* The kernel writes blanks and backslashes of paths as three octal digits. */
#include "base/mountinfo.h"

void mountinfo_unescape(char *word)
{
	char *to = word;

	for (const char *s = word; *s; s++) {
		if (*s == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 |
				       (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
}
