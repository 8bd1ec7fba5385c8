"""Podman's checkpoints, which only root's Podman makes."""
import re

import kernel
from harness import limit, needs, tag
from peers import differs
from podman import IMAGE, MIB, Podman

COUNT = "i=0; while sleep 0.3; do i=$((i + 1)); echo n $i; done"
# What is counted goes by a connection of TCP, there and back.
SEND = f"nc -l -p 7000 -e cat & sleep 1; ({COUNT}) | nc 127.0.0.1 7000"


def counted(podman, name):
    """the numbers in a container's log"""
    return [int(number) for number in re.findall(r"^n (\d+)$", podman.ok("logs", name), re.M)]


def counts_on(t, podman, name, what, past=2):
    """Wait until it has counted past a number.  The log tells whether the program went on or began
    anew."""
    t.wait_until(lambda: counted(podman, name)[-1:] > [past], 20, what)
    t.equal(counted(podman, name).count(1), 1, f"beginnings, {what}")


def refused(t, podman, c):
    """Podman asks the runtime before it begins (`checkpoint --help`)."""
    result = podman.try_("container", "checkpoint", c.name)
    t.fails(result, "runtime", "does not support checkpoint/restore")
    c.remove()


@needs("root", "vm", "cmd:podman", "cmd:criu")
@tag("engine", "slow")
@limit(300)
def test_in_place(t):
    """the program goes on where it was, with its limits; --keep leaves CRIU's words"""
    with Podman(t) as podman:
        c = podman.start("--memory", "64m", IMAGE, "sh", "-c", COUNT)
        if differs(t, "no checkpoint"):
            refused(t, podman, c)
            return
        counts_on(t, podman, c.name, "before")
        podman.ok("container", "checkpoint", "--keep", c.name, timeout=60)
        t.equal(kernel.is_alive(c.pid), False)
        t.equal(podman.cgroups(c.id), [])
        place = c.inspect(".StaticDir")
        t.contains(kernel.read(f"{place}/dump.log"), "Dumping finished successfully")
        last = counted(podman, c.name)[-1]
        podman.ok("container", "restore", "--keep", c.name, timeout=60)
        again = podman.container(c.name)
        counts_on(t, podman, c.name, "after", last + 2)
        t.contains(kernel.read(f"{place}/restore.log"), "Restore finished successfully")
        t.equal(again.value("memory", "memory.limit_in_bytes", "memory.max"), str(64 * MIB))
        t.equal(kernel.status(again.pid)["Seccomp"], "2")
        c.remove()


@needs("root", "vm", "cmd:podman", "cmd:criu")
@tag("engine", "slow")
@limit(300)
def test_archive(t):
    """--export, --leave-running, --import: a connection of TCP outlives its container with
    --tcp-established, and is not saved without; the container's files come along"""
    archive = t.path("saved.tar.gz")
    save = ("container", "checkpoint", "--leave-running", "--export", archive)
    with Podman(t) as podman:
        c = podman.start(IMAGE, "sh", "-c", f"echo mine >/tmp/file; {SEND}")
        if differs(t, "no checkpoint"):
            refused(t, podman, c)
            return
        counts_on(t, podman, c.name, "before")
        t.true(podman.try_(*save, c.name, timeout=60).rc, "a connection was saved without asking")
        podman.ok(*save, "--tcp-established", c.name, timeout=60)
        t.true(kernel.is_alive(c.pid), "--leave-running")
        last = counted(podman, c.name)[-1]
        counts_on(t, podman, c.name, "left running", last + 1)
        c.remove()
        restore = ("container", "restore", "--import", archive, "--tcp-established")
        podman.containers.append(c.name)
        if differs(t, "lo is down"):
            t.contains(podman.try_(*restore, timeout=60).err, "criu failed")
            return
        podman.ok(*restore, timeout=60)
        counts_on(t, podman, c.name, "imported", last + 2)
        again = podman.container(c.name)
        t.equal(kernel.read(f"/proc/{again.pid}/root/tmp/file"), "mine\n")
        again.remove()


@needs("root", "vm", "cmd:podman", "cmd:criu")
@tag("engine", "slow")
@limit(300)
def test_in_two_steps(t):
    """--pre-checkpoint saves the memory while the program runs, --with-previous the rest"""
    early, late = t.path("early.tar.gz"), t.path("late.tar.gz")
    with Podman(t) as podman:
        c = podman.start(IMAGE, "sh", "-c", COUNT)
        if differs(t, "no checkpoint"):
            refused(t, podman, c)
            return
        counts_on(t, podman, c.name, "before")
        podman.ok("container", "checkpoint", "--pre-checkpoint", "--export", early, c.name,
                  timeout=60)
        last = counted(podman, c.name)[-1]
        counts_on(t, podman, c.name, "between", last + 1)
        podman.ok("container", "checkpoint", "--with-previous", "--export", late, c.name,
                  timeout=60)
        t.equal(kernel.is_alive(c.pid), False)
        last = counted(podman, c.name)[-1]
        c.remove()
        podman.containers.append(c.name)
        podman.ok("container", "restore", "--import-previous", early, "--import", late, timeout=60)
        counts_on(t, podman, c.name, "after", last + 2)
        podman.container(c.name).remove()


@needs("root", "vm", "cmd:podman", "cmd:criu")
@tag("engine", "slow")
@limit(300)
def test_into_a_pod(t):
    """`restore --import --pod --name`: Podman first looks whether the runtime knows
    --lsm-mount-context; the container then joins the other pod's namespaces"""
    archive, share = t.path("saved.tar.gz"), ("--share", "net,ipc,uts", "--network", "none")
    with Podman(t) as podman:
        pods = [podman.ok("pod", "create", "--name", podman.new_name(), *share, timeout=60)
                for _ in range(2)]
        try:
            # A log in a file goes with the container, one in the journal stays under its name.
            c = podman.start("--pod", pods[0], "--log-driver", "k8s-file", IMAGE, "sh", "-c", COUNT,
                             network=None)
            if differs(t, "no checkpoint"):
                refused(t, podman, c)
                return
            counts_on(t, podman, c.name, "before")
            podman.ok("container", "checkpoint", "--export", archive, c.name, timeout=60)
            last = counted(podman, c.name)[-1]
            name = podman.new_name()
            podman.containers.append(name)
            podman.ok("container", "restore", "--import", archive, "--pod", pods[1], "--name",
                      name, timeout=60)
            counts_on(t, podman, name, "in the pod", last + 2)
            again = podman.container(name)
            infra = podman.container(podman.ok("pod", "inspect", "--format",
                                               "{{.InfraContainerID}}", pods[1]))
            for namespace in ("net", "ipc", "uts"):
                t.equal(kernel.namespace(again.pid, namespace),
                        kernel.namespace(infra.pid, namespace), namespace)
            again.remove()
            c.remove()
        finally:
            for pod in pods:
                podman.ok("pod", "rm", "--force", "--time", "0", pod)
