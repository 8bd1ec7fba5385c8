/*
 * The operations' table, from ops.def, and the words for sync points. Knows nothing of what operations do.
 */
#include "plan/plan.h"

const struct op_info *op_info(enum op op)
{
	static const struct op_info table[OP_COUNT] = {
		[OP_NONE] = { "none", 0, "", "" },
#define OP(id, name, who, form, doc) [OP_##id] = { name, who, form, doc },
#include "plan/ops.def"
#undef OP
	};

	return &table[op < OP_COUNT ? op : OP_NONE];
}

const char *sync_name(enum sync s)
{
	static const char *const names[SYNC_COUNT] = {
		[SYNC_NONE] = "none",
		[SYNC_USER] = "user namespace made",
		[SYNC_MAPPED] = "ids mapped",
		[SYNC_IN_CGROUP] = "in cgroup",
		[SYNC_READY] = "devices made",
		[SYNC_GO] = "go",
		[SYNC_CREATED] = "created",
		[SYNC_START] = "start",
		[SYNC_LISTENER] = "listener offered",
		[SYNC_TAKEN] = "listener taken",
		[SYNC_PAYLOAD] = "payload",
		[SYNC_TTY] = "terminal",
		[SYNC_MOUNTED] = "mounted",
		[SYNC_EXEC] = "executing",
	};

	return s < SYNC_COUNT ? names[s] : "none";
}
