"""What other runtimes are known to do differently when the scenarios are tried with them, as
Debian 12 has them (crun 1.8, runc 1.1): one row a difference, (runtime, on which cgroups, why).
A scenario that meets one asks differs() and then expects what that runtime does: it never just
looks away."""
import os

import views

DIFFERENCES = {
    "no checkpoint": ("crun", "", "Debian builds crun without CRIU"),
    "no events": ("crun", "", "crun has no such command"),
    "unknown words": ("crun", "", "its words are not those by which docker chooses a status"),
    "no update by Docker": ("crun", "v2", "it has no kernel memory, of which Docker asks for 0 bytes"),
    "leaves a cgroup": ("crun", "v2", "it may leave that of a container that could not be made"),
    "no nodes in pods": ("crun", "v2", "the infra container of Podman's may not make /dev/null, with cgroupfs as root"),
    "lo is down": ("runc", "", "it restores a container's own network namespace as it is made"),
    "needs a cgroup": ("runc", "", "containers.conf does not say that it can do without"),
}


def differs(t, what):
    """whether the runtime under test is known for this"""
    runtime, cgroups, _ = DIFFERENCES[what]
    return os.path.basename(t.binary) == runtime and cgroups in ("", views.layout())
