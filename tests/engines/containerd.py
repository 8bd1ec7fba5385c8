"""containerd as a test's own daemon: its state and sockets are in the test's directory, its
namespace (the cgroups' parent, too) is the test's mark."""
import contextlib
import os

import kernel
from engine import Daemon, Engine
from harness import SLOW, Failure

CONFIG = """version = 2
root = "{dir}/containerd"
state = "{dir}/containerd.run"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.aufs"]
[grpc]
  address = "{address}"
"""


class Containerd(Daemon):
    """a running containerd; `ctr` is its command line"""

    def __init__(self, t, config=CONFIG, namespace=None, env=None):
        self.address = t.path("containerd.sock")
        path = t.path("containerd.toml")
        with open(path, "w") as f:
            f.write(config.format(dir=t.dir, address=self.address))
        super().__init__(t, "containerd", "containerd", "--config", path, env=env)
        self.ctr = Engine(t, "ctr", "--address", self.address, "--connect-timeout",
                          f"{10 * SLOW:g}s", "--namespace", namespace or t.mark)
        self.wait_ready(lambda: os.path.exists(self.address)
                        and not self.ctr.try_("version").rc)

    def clean_up(self):
        """End what a failed test left, which a task's shim would keep alive, and the daemon."""
        if not os.path.exists(self.address):
            return  # it was stopped
        for line in self.ctr.try_("task", "ls").out.splitlines()[1:]:
            with contextlib.suppress(Failure):  # a task may be past helping
                self.ctr.try_("task", "delete", "--force", line.split()[0])
        self.stop()

    def stop(self):
        super().stop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.address)
        for point in set(kernel.cgroup_mounts().values()):
            try:
                os.rmdir(f"{point}/{self.t.mark}")
            except OSError:
                pass  # it was not used; or the test's leak check names who is left in it
