/* The end of the shim. */
#pragma once

/* Ends when the events that wait are told, or could not be in time. */
void exit_soon(void);
/* Ends a shim that nobody has used for a while: no container, no connection. */
void exit_when_idle(void);
