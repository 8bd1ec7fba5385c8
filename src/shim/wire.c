/* Frames, and protobuf messages in arenas. */
#include "shim/wire.h"

#include <string.h>

static uint32_t big_endian(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_big_endian(unsigned char *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (unsigned char)(v >> (24 - 8 * i));
}

void frame_read(const char header[FRAME_HEADER], struct frame *ret)
{
	const unsigned char *p = (const unsigned char *)header;

	*ret = (struct frame){ big_endian(p), big_endian(p + 4), p[8], p[9] };
}

ProtobufCBinaryData wire_pack(struct arena *arena, const ProtobufCMessage *message)
{
	ProtobufCBinaryData d = { .len = protobuf_c_message_get_packed_size(message) };

	d.data = arena_alloc(arena, d.len);
	protobuf_c_message_pack(message, d.data);
	return d;
}

void frame_add(struct buf *to, uint32_t stream, enum frame_kind kind,
	       const ProtobufCMessage *message)
{
	ProtobufCBinaryData d = wire_pack(to->arena, message);
	unsigned char header[FRAME_HEADER];

	put_big_endian(header, (uint32_t)d.len);
	put_big_endian(header + 4, stream);
	header[8] = (unsigned char)kind;
	header[9] = 0;
	buf_add(to, header, sizeof(header));
	buf_add(to, d.data, d.len);
}

/* A message of many small parts is far larger in memory than on the wire. Half of the arena is for who serves it. */
static void *allocate(void *arena, size_t n)
{
	size_t left = arena_left(arena);

	return left > ARENA_MAX / 2 && n < left - ARENA_MAX / 2 ? arena_alloc(arena, n)
								: NULL;
}

static void release(void *arena, void *p)
{
	(void)arena;
	(void)p;
}

void *wire_unpack(const ProtobufCMessageDescriptor *type, struct arena *arena,
		  const void *data, size_t n)
{
	ProtobufCAllocator a = { allocate, release, arena };

	return protobuf_c_message_unpack(type, &a, n, data);
}

void *wire_copy(struct arena *arena, const ProtobufCMessage *message)
{
	ProtobufCBinaryData d = wire_pack(arena, message);

	return wire_unpack(message->descriptor, arena, d.data, d.len);
}
