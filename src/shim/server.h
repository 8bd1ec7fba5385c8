/* The listening socket and its connections. Requests go to service.c; answers may come at any time later. */
#pragma once

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

/* The numbers are gRPC's. */
enum rpc_code {
	RPC_UNKNOWN = 2,
	RPC_INVALID = 3,
	RPC_NOT_FOUND = 5,
	RPC_EXISTS = 6,
	RPC_EXHAUSTED = 8,
	RPC_FAILED_PRECONDITION = 9,
	RPC_UNIMPLEMENTED = 12,
	RPC_UNAVAILABLE = 14,
};

/* Where an answer goes. It may be kept: the connection's end makes it void. */
struct ticket {
	int conn;
	uint32_t stream;
	uint64_t generation; /* 0 = nobody waits */
};

bool ticket_is_valid(const struct ticket *t);

/* Takes over the listening socket, whose file is at path. 0 or -errno. */
int server_init(int listener, const char *path);
/* Nobody is connected. */
bool server_is_alone(void);
/* How many have come. */
unsigned long server_requests(void);
/* No more connections; the socket's file goes. */
void server_stop_listening(void);

/* Each gives the one answer of a ticket. */
void reply(struct ticket *t, const ProtobufCMessage *message);
void reply_empty(struct ticket *t);
void reply_fail(struct ticket *t, enum rpc_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* service.c: serves one request, whose answer may come later. false: it is malformed, and the connection is to be
 * closed. */
bool service_request(struct ticket t, struct arena *arena, const void *data, size_t n);
