/* The files of skiff-criu. */
#pragma once

#include <stdbool.h>

#include "base/arena.h"

/* criu.pb-c.h */
struct Skiff__Criu__Options;

/* Descriptors that skiff opens for it. FAULT: of "run", gets criu's socket, and ends with the exec of criu or has "ERRNO WORDS".
 * The directories are those of the image and of criu's log. */
enum { SKIFF = 0, CRIU = 3, FAULT = 4, IMAGES = 5, WORK = 6 };
/* Version 3.17, which Debian 12 has, knows every option that is passed. */
enum { CRIU_OLDEST = 317 };

/* criu_options.c: reads the words NAME VALUE... NULL, or the word that is wrong. */
const char *options_read(char *at, const char *end, struct arena *arena,
			 struct Skiff__Criu__Options *ret);
/* criu.c: a packet with a descriptor, or with none (-1). 0 or -1. */
int send_packet(int sock, const char *text, int fd);
/* criu_run.c: prepares the mount namespace of a restore, and executes criu. The exit status. */
int criu_run(char **args);
