/* libFuzzer: any text as config.json through loader, rules and printer. */
#include "json/print.h"
#include "spec/spec.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	auto_arena arena = { 0 };
	struct spec spec;
	struct err e;
	struct buf out;

	if (arena_init(&arena) < 0)
		return 0;
	if (!spec_load((const char *)data, size, "fuzz", &arena, NULL, &spec, &e)) {
		spec_check(&spec, NULL, &e);
		buf_init(&out, &arena, (size_t)64 << 20);
		json_print(&out, &spec_type, &spec, JSON_COMPACT);
	}
	return 0;
}
