/* `skiff check`, what few configurations ask of the host: network devices that move into the container. */
#include <net/if.h>

#include "apply/helper.h"
#include "runtime/check.h"

void check_net(struct checker *k)
{
	const struct linux_config *l = k->spec->linux_;
	const char *ignored;
	struct err e;

	if (!l || !l->net_devices.n)
		return;
	if (helper_find("skiff-net", k->arena, &ignored, &e) < 0)
		check_add(k, false, "linux.netDevices", NULL, "%s", e.msg);
	for (size_t i = 0; i < l->net_devices.n; i++) {
		const char *name = l->net_devices.v[i].host_name;

		if (!if_nametoindex(name))
			check_add(k, false, check_path(k, "linux.netDevices.%s", name),
				  "see \"ip link\" for the names that there are",
				  "the host has no network device \"%s\"", name);
	}
}
