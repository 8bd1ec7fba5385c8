/* The clock that time limits are counted by. */
#pragma once

/* Milliseconds of CLOCK_MONOTONIC. */
long long clock_ms(void);
