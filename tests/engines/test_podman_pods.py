"""Pods of Podman: from a manifest of Kubernetes, and made by hand."""
import os

import kernel
from harness import limit, needs, tag
from peers import differs
from podman import IMAGE, MIB, Podman, rootless

MANIFEST = """apiVersion: v1
kind: Pod
metadata:
  name: {name}
spec:
  containers:
  - name: one
    image: {image}
    command: ["/bin/sh", "-c", "echo hello >/shared/x; exec sleep 100000"]
    resources:
      limits:
        memory: 48Mi
    volumeMounts:
    - mountPath: /shared
      name: dir
  - name: two
    image: {image}
    command: ["/bin/sh", "-c", "while ! cat /shared/x; do sleep 0.1; done; exec sleep 100000"]
    volumeMounts:
    - mountPath: /shared
      name: dir
      readOnly: true
  volumes:
  - name: dir
    hostPath:
      path: {dir}
"""


def has_cgroups(manager):
    """Without root, cgroups are systemd's to give."""
    return manager == "systemd" or not rootless()


def refuses_pods(t, manager):
    return manager == "cgroupfs" and not rootless() and differs(t, "no nodes in pods")


def expect_no_nodes(t, result):
    t.true(result.rc != 0, "it made a pod")
    t.contains(result.err, "mknod `/dev/null`: Operation not permitted")


def of_manifest(t, manager):
    """two containers share the infra container's namespaces, not their limits"""
    with Podman(t, manager) as podman:
        name = podman.new_name()
        os.mkdir(t.path("shared"))
        with open(t.path("pod.yaml"), "w") as f:
            f.write(MANIFEST.format(name=name, image=IMAGE, dir=t.path("shared")))
        podman.containers += [f"{name}-one", f"{name}-two"]
        if refuses_pods(t, manager):
            expect_no_nodes(t, podman.try_("play", "kube", "--network", "none", t.path("pod.yaml"), timeout=60))
            podman.ok("play", "kube", "--down", t.path("pod.yaml"), timeout=60)
            podman.containers.clear()
            return
        podman.ok("play", "kube", "--network", "none", t.path("pod.yaml"), timeout=60)
        one, two = (podman.container(f"{name}-{which}") for which in ("one", "two"))
        for namespace in ("net", "ipc", "uts"):
            t.equal(kernel.namespace(one.pid, namespace), kernel.namespace(two.pid, namespace))
        t.equal(kernel.namespace(one.pid, "mnt") == kernel.namespace(two.pid, "mnt"), False)
        if has_cgroups(manager):
            t.equal(one.value("memory", "memory.limit_in_bytes", "memory.max"), str(48 * MIB))
        podman.wait_for("hello", "logs", two.name)
        podman.ok("play", "kube", "--down", t.path("pod.yaml"), timeout=60)
        podman.containers.clear()
        for c in (one, two):
            podman.must_be_gone(c.id)


@needs("vm", "systemd", "cmd:podman")
@tag("engine", "rootless")
@limit(300)
def test_manifest_by_systemd(t):
    """play kube, in scopes of systemd"""
    of_manifest(t, "systemd")


@needs("memory", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_manifest_by_cgroupfs(t):
    """play kube, with --cgroup-manager=cgroupfs"""
    of_manifest(t, "cgroupfs")


def by_hand(t, manager):
    """one container joins the namespaces of another, pids as well"""
    with Podman(t, manager) as podman:
        pod = podman.new_name()
        podman.ok("pod", "create", "--name", pod, "--share", "net,ipc,uts,pid", "--network",
                  "none", "--hostname", "together", timeout=60)
        try:
            if refuses_pods(t, manager):
                expect_no_nodes(t, podman.try_("run", "--pod", pod, IMAGE, "true", timeout=60))
                return
            c = podman.start("--pod", pod, IMAGE, "sleep", "100000", network=None)
            t.equal(c.exec("hostname").out, "together\n")
            t.contains(c.exec("ps").out, "catatonit")
            if has_cgroups(manager):
                podman.ok("pod", "pause", pod)
                t.equal(c.frozen(), True)
                podman.ok("pod", "unpause", pod)
                t.equal(c.frozen(), False)
        finally:
            podman.ok("pod", "rm", "--force", "--time", "0", pod)
        podman.containers.clear()
        podman.must_be_gone(c.id)


@needs("vm", "systemd", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_pod_by_systemd(t):
    """a pod made by hand, in scopes of systemd"""
    by_hand(t, "systemd")


@needs("memory", "cmd:podman")
@tag("engine", "slow")
@limit(300)
def test_pod_by_cgroupfs(t):
    """the same with --cgroup-manager=cgroupfs"""
    by_hand(t, "cgroupfs")
