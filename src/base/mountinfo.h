/* /proc/PID/mountinfo (proc(5)). */
#pragma once

/* In place: "\\040" is a space. */
void mountinfo_unescape(char *word);
