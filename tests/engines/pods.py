"""Pods as the kubelet asks containerd for them: configurations of both, and an image."""
import contextlib
import os
import re

import kernel
from harness import Failure
from oci_archive import oci_archive

IMAGE = "docker.io/library/box:1"
NODE = 2  # a pod's namespace is the node's
REST = {1: """
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{image}"
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
  snapshotter = "native"
""", 2: """
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "native"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "{image}"
"""}
ADDRESS = """
[grpc]
  address = "{address}"
"""


def containerd_major(t):
    return int(re.search(r" v?(\d)\.", t.command("containerd", "--version").out)[1])


def import_image(t, ctr):
    """give containerd the image of the pods"""
    archive = oci_archive(t, IMAGE, ["/bin/sleep", "100000"])
    # ctr of 2.x would have the daemon unpack it, for its own snapshotter alone.
    local = ("--local",) if containerd_major(t) > 1 else ()
    ctr.ok("image", "import", "--snapshotter", "native", *local, archive, timeout=60)


def pod_config(t, parent):
    """PodSandboxConfig: in the node's network, as no plug-in for networks is here"""
    spaces = {1: {1: NODE}}
    return {1: {1: "pod", 2: t.mark, 3: "tests"}, 3: t.path("logs"), 8: {1: parent, 2: spaces}}


def container_config(name="main"):
    """ContainerConfig, with limits"""
    command = ["/bin/sh", "-c", "echo ready; while :; do sleep 0.1; done"]
    resources = {1: 100000, 2: 50000, 4: 64 << 20}
    return {1: {1: name}, 2: {1: IMAGE}, 3: command, 11: f"{name}.log",
            15: {1: resources, 2: {3: {1: NODE}}}}


def pid_of(ident):
    """the container's process 1, by its cgroup"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it ends meanwhile
            if ident in kernel.read(f"/proc/{pid}/cgroup"):
                return int(pid)
    raise Failure(f"no process in a cgroup of {ident}")


def memory_limit(pid):
    return kernel.cgroup_value(pid, "memory", "memory.limit_in_bytes", "memory.max")
