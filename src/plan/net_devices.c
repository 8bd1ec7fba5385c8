/*
 * Network devices of the host that move into the container (config-linux: Network Devices). They are there before the first
 * hook runs. When the container cannot be made they go back; with its end they go where the kernel sends them:
 * physical ones to the initial network namespace, virtual ones away with the container's.
 */
#include <linux/capability.h>

#include "plan/parts.h"

int plan_net_check(struct build *b)
{
	if (!b->spec->linux_->net_devices.n || host_has_cap(b->host, CAP_NET_ADMIN))
		return 0;
	return err_at(b->e, ERR_CONFIG, "linux.netDevices",
		      "a rootless container cannot have devices of the host: moving them "
		      "needs CAP_NET_ADMIN; leave them out, or run skiff as root");
}

void plan_net_move(struct build *b)
{
	const struct linux_config *l = b->spec->linux_;
	struct step *s;

	if (!l->net_devices.n)
		return;
	s = plan_host(b->p, OP_NET_OPEN, "linux.netDevices");
	s->slot[0] = SLOT_NET;
	s->slot[1] = (int16_t)b->ns_slots[NS_NET];
	for (size_t i = 0; i < l->net_devices.n; i++) {
		const struct net_device *d = &l->net_devices.v[i];
		uint32_t name = plan_str(b->p, d->host_name);
		uint32_t new_name = d->name ? plan_str(b->p, d->name) : name;

		s = plan_host(b->p, OP_NET_MOVE, "linux.netDevices.%s", d->host_name);
		s->slot[0] = SLOT_NET;
		s->str[0] = name;
		s->str[1] = new_name;
	}
}

void plan_net_keep(struct build *b)
{
	if (b->spec->linux_->net_devices.n)
		plan_host(b->p, OP_NET_KEEP, "linux.netDevices")->slot[0] = SLOT_NET;
}
