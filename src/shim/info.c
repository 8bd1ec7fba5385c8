/* `-info`, and what the short-lived modes share. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <skiff/skiff.h>

#include "base/fd.h"
#include "shim/launch.h"
#include "shim/proto/launch.pb-c.h"
#include "shim/wire.h"

#define FEATURES "types.containerd.io/opencontainers/runtime-spec/1/features/Features"

enum { INPUT_MAX = 10 << 20 };

ProtobufCBinaryData launch_input(struct arena *arena)
{
	char *data;
	size_t n;

	if (fd_read_all(STDIN_FILENO, arena, INPUT_MAX, &data, &n) < 0)
		return (ProtobufCBinaryData){ 0 };
	return (ProtobufCBinaryData){ n, (uint8_t *)data };
}

int launch_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(STDERR_FILENO, fmt, ap);
	va_end(ap);
	dprintf(STDERR_FILENO, "\n");
	return 1;
}

int launch_info(struct arena *arena)
{
	struct skiff_options o = { .size = sizeof(o) };
	struct skiff_error e = { .size = sizeof(e) };
	Pb__RuntimeInfo info = PB__RUNTIME_INFO__INIT;
	Pb__RuntimeVersion version = PB__RUNTIME_VERSION__INIT;
	Pb__Any features = PB__ANY__INIT;
	ProtobufCBinaryData input = launch_input(arena), d;
	const char *json;
	struct skiff *s;

	if (skiff_new(&o, &s, &e) < 0 || skiff_features(s, &json, &e) < 0)
		return launch_fail("%s", e.message);
	version.version = (char *)skiff_version();
	version.revision = (char *)skiff_commit();
	features.type_url = (char *)FEATURES;
	features.value = (ProtobufCBinaryData){ strlen(json), (uint8_t *)json };
	info.name = (char *)"io.containerd.skiff.v2";
	info.version = &version;
	info.features = &features;
	info.options = input.len ? wire_unpack(&pb__any__descriptor, arena, input.data,
					       input.len)
				 : NULL;
	d = wire_pack(arena, &info.base);
	skiff_free(s);
	return fd_write_all(STDOUT_FILENO, d.data, d.len) < 0;
}
