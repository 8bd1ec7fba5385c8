/*
 * ttrpc: frames of a 10-byte header (length, stream, kind, flags) and a protobuf message, on a Unix socket. What the shim
 * serves and what it calls share this much.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buf.h"

enum { FRAME_HEADER = 10, FRAME_MAX = 4 << 20 };
enum frame_kind { FRAME_REQUEST = 1, FRAME_RESPONSE = 2, FRAME_DATA = 3 };

struct frame {
	uint32_t length, stream;
	uint8_t kind, flags;
};

void frame_read(const char header[FRAME_HEADER], struct frame *ret);
/* Appends the header and the message. */
void frame_add(struct buf *to, uint32_t stream, enum frame_kind kind,
	       const ProtobufCMessage *message);

/* A message's memory is the arena's: it goes with it. NULL = malformed, or too large. */
void *wire_unpack(const ProtobufCMessageDescriptor *type, struct arena *arena,
		  const void *data, size_t n);
/* A copy that lies in the arena. */
void *wire_copy(struct arena *arena, const ProtobufCMessage *message);
/* Its bytes, in the arena. */
ProtobufCBinaryData wire_pack(struct arena *arena, const ProtobufCMessage *message);
