/* What a write to a cgroup's file is undone by. */
#include "test.h"

#include "apply/parts.h"

static void put_backs(void **state)
{
	static const struct {
		const char *file, *value, *old, *expected;
	} rows[] = {
		{ "memory.max", "4096", "max", "max" },
		{ "cpu.max", "1000 2000", "max 100000", "max 100000" },
		{ "cpuset.cpus", "0", "", "\n" },
		{ "pids.max", "3", "17\n", "17" },
		{ "memory.oom_control", "1",
		  "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n", "0" },
		{ "io.weight", "50", "default 100\n8:0 200\n", "default 100" },
		{ "io.weight", "8:0 50", "default 100\n8:0 200\n", "8:0 200" },
		{ "io.weight", "8:16 50", "default 100\n8:0 200\n", "8:16 default" },
		{ "io.max", "8:0 rbps=1",
		  "8:16 rbps=9 wbps=max riops=max wiops=max\n8:0 rbps=7 wbps=max "
		  "riops=max "
		  "wiops=max\n",
		  "8:0 rbps=7 wbps=max riops=max wiops=max" },
		{ "io.max", "8:1 rbps=1", "8:16 rbps=9 wbps=max riops=max wiops=max\n",
		  "8:1 rbps=max wbps=max riops=max wiops=max" },
		{ "blkio.throttle.read_bps_device", "8:0 5", "", "8:0 0" },
		{ "blkio.throttle.read_bps_device", "8:0 5", "8:0 9\n", "8:0 9" },
		{ "rdma.max", "mlx5_0 hca_handle=1",
		  "mlx4_0 hca_handle=max hca_object=max\nmlx5_0 hca_handle=2 "
		  "hca_object=5\n",
		  "mlx5_0 hca_handle=2 hca_object=5" },
		{ "rdma.max", "none hca_handle=1", "", NULL },
		{ "net_prio.ifpriomap", "eth0 5", "lo 0\neth0 2\n", "eth0 2" },
		{ "devices.allow", "c 1:3 r", "", "c 1:3 r" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *found = put_back_value(&arena, rows[i].file, rows[i].value,
						   rows[i].old);

		if (!rows[i].expected)
			assert_null(found);
		else
			assert_string_equal(found, rows[i].expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(put_backs) };
	auto_arena own;

	if (arena_init(&own))
		return 1;
	arena = own;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
