"""What other runtimes are known to do differently when the scenarios are tried with them, as
Debian 12 has them (crun 1.8, runc 1.1): one row a difference.  A scenario that meets one asks
differs() and then expects what that runtime does: it never just looks away."""
import os

DIFFERENCES = {
    "no checkpoint": {"crun": "Debian builds crun without CRIU"},
    "no events": {"crun": "crun has no such command"},
    "lo is down": {"runc": "it restores a network namespace of the container's own as it is made"},
    "needs a cgroup": {"runc": "containers.conf does not say that it can do without"},
}


def differs(t, what):
    """whether the runtime under test is known for this"""
    return os.path.basename(t.binary) in DIFFERENCES[what]
