"""Podman and Buildah as the tests use them: with the containers.conf that users are given
(contrib/engines), and with files of the test run's own.

All tests of a run share one store, which the first of them fills with the image: an import
takes as long as a test.  Containers are told apart by their names, which carry the test's mark."""
import fcntl
import os
import subprocess

import kernel
import leaks
from engine import Engine, image_tar, is_skiff, snippet
from harness import Failure

IMAGE = "localhost/tests:1"
MIB = 1 << 20
PLACES = '["/usr/local/bin/skiff", "/usr/bin/skiff"]'
# An ordinary machine need not let root raise its limits; where it does not, Podman's own are refused.
MODEST = '\n[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'


def rootless():
    return os.geteuid() != 0


def has_systemd():
    return os.path.isdir("/run/systemd/system")


def runtime_dir():
    return os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")


def write_conf(t):
    """the snippet of contrib/engines, in which only skiff's place is changed"""
    with open(snippet("containers.conf")) as f:
        text = f.read()
    t.contains(text, PLACES, "containers.conf")
    path = t.path("containers.conf")
    with open(path, "w") as f:
        f.write(text.replace(PLACES, f'["{t.binary}"]'))
        if not os.environ.get("SKIFF_VM"):
            f.write(MODEST)
    return path


class Podman(Engine):
    """`with Podman(t) as p:` at the end, what a failed test left is removed"""

    def __init__(self, t, manager=None):
        manager = manager or ("systemd" if has_systemd() else "cgroupfs")
        self.shared = f"{os.path.dirname(t.dir)}/podman"
        self.storage = ("--root", f"{self.shared}/root", "--runroot", f"{self.shared}/run",
                        "--storage-driver", "overlay")
        super().__init__(t, "podman", *self.storage, "--tmpdir", f"{self.shared}/tmp",
                         "--events-backend", "file", "--cgroup-manager", manager,
                         *([] if is_skiff(t) else ["--runtime", t.binary]),
                         env={"CONTAINERS_CONF": write_conf(t)})
        self.manager, self.containers, self.counter = manager, [], 0
        self._fill()

    def _fill(self):
        """import the image once"""
        os.makedirs(self.shared, exist_ok=True)
        with open(f"{self.shared}/lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.path.exists(f"{self.shared}/filled"):
                return
            self._run_outside("import", "--quiet", image_tar(self.t), IMAGE)
            with open(f"{self.shared}/filled", "w"):
                pass

    def _run_outside(self, *args):
        """Run it not as a child of the test: without root, Podman's first command starts the
        process that holds its namespaces for all later ones, and so for all tests."""
        if not rootless():
            return self.ok(*args)
        env = [f"--setenv={name}={value}" for name, value in self.env.items()]
        result = self.t.command("systemd-run", "--user", "--wait", "--collect", "--quiet",
                                "--pipe", "-p", "KillMode=process", *env, *self.prefix, *args,
                                timeout=60)
        if result.rc:
            raise Failure(f"podman {args[0]}: {result.err[-2000:]}")
        return result.out

    def files_for_others(self):
        """the environment by which a Podman without our options uses the same store"""
        files = {"CONTAINERS_CONF": self.t.path("whole.conf"),
                 "CONTAINERS_STORAGE_CONF": self.t.path("storage.conf")}
        with open(self.env["CONTAINERS_CONF"]) as f:
            text = f.read()
        mine = (f'[engine]\ntmp_dir = "{self.shared}/tmp"\nevents_logger = "file"\n'
                f'cgroup_manager = "{self.manager}"\n')
        with open(files["CONTAINERS_CONF"], "w") as f:
            f.write(text.replace("[engine]\n", mine, 1))
        with open(files["CONTAINERS_STORAGE_CONF"], "w") as f:
            f.write(f'[storage]\ndriver = "overlay"\nrunroot = "{self.shared}/run"\n'
                    f'graphroot = "{self.shared}/root"\n'
                    f'rootless_storage_path = "{self.shared}/root"\n')
        return files

    # -- images

    def storage_name(self, image):
        """an image of the store, as skopeo calls it"""
        root, runroot = self.storage[1], self.storage[3]
        return f"containers-storage:[overlay@{root}+{runroot}]{image}"

    def skopeo(self, *args):
        """skopeo, in the namespaces of this Podman's store"""
        # With our own --tmpdir: elsewhere Podman would start another holder of its namespaces.
        prefix = (*self.prefix, "unshare", "skopeo") if rootless() else ("skopeo",)
        return Engine(self.t, *prefix, env=self.env).ok(*args, timeout=60)

    # -- containers

    def new_name(self):
        self.counter += 1
        return f"{self.t.mark}-{self.counter}"

    def once(self, *args, network="none", **how):
        """`run --rm` in the foreground: a Result; args begin with options"""
        ident = self.t.path(f"cid-{self.new_name()}")
        result = self.try_("run", "--rm", "--cidfile", ident, "--network", network, *args,
                           **how)
        result.id = kernel.read(ident).strip() if os.path.exists(ident) else ""
        return result

    def start(self, *args, network="none", **how):
        """`run --detach`: a Container"""
        name = self.new_name()
        self.containers.append(name)
        self.ok("run", "--detach", "--name", name,
                *(("--network", network) if network else ()), *args, **how)
        return Container(self, name)

    def container(self, name):
        """one that another command has made"""
        return Container(self, name)

    # -- what is left

    def cgroups(self, ident):
        return [f"cgroup {where}/{name}" for point in set(kernel.cgroup_mounts().values())
                for where, names, _ in os.walk(point) for name in names if ident in name]

    def traces(self, ident):
        """what the machine still knows of a container"""
        found = [f"mount {m.point}" for m in kernel.mountinfo() if ident in m.point]
        found += self.cgroups(ident)
        for name in ("skiff", "crun", "runc"):
            for place in (f"/run/{name}", f"{runtime_dir()}/{name}"):
                if os.path.lexists(f"{place}/{ident}"):
                    found.append(f"state {place}/{ident}")
        if has_systemd():
            found += [f"unit {line.split()[0]}" for line in subprocess.run(
                ["systemctl", *(["--user"] if rootless() else []), "list-units", "--all",
                 "--plain", "--no-legend", f"*{ident}*"], capture_output=True, text=True,
                check=True).stdout.splitlines()]
        return found

    def must_be_gone(self, ident):
        """conmon's clean-up may end after podman's command"""
        try:
            self.t.wait_until(lambda: not self.traces(ident), 5)
        except Failure:
            raise Failure(f"left of {ident}: {self.traces(ident)}") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in self.containers:
            self.try_("rm", "--force", "--time", "0", "--ignore", name)
        try:  # Podman mounts its store, also for conmon's clean-up, which may outlast `rm`
            self.t.wait_until(lambda: not leaks.processes(self.t), 3)
        except Failure:
            pass  # the test's leak check names it
        for m in reversed(kernel.mountinfo()):
            if m.point.startswith(f"{self.shared}/"):
                subprocess.run(["umount", "--lazy", m.point], check=False)


class Container:
    """a container that runs in the background"""

    def __init__(self, podman, name):
        self.podman, self.name = podman, name
        self.id, pid = self.inspect(".Id", ".State.Pid")
        self.pid = int(pid)

    def inspect(self, *what):
        """fields, by Go's templates: one, or a list of several"""
        text = "\n".join("{{%s}}" % field for field in what)
        found = self.podman.ok("inspect", "--format", text, self.name).splitlines()
        return found if len(what) > 1 else found[0]

    def exec(self, *args, options=(), **how):
        return self.podman.try_("exec", *options, self.name, *args, **how)

    def ok(self, command, *options):
        """a command about it that must succeed"""
        return self.podman.ok(command, *options, self.name)

    def value(self, controller, v1_file, v2_file=None):
        """what a file of its cgroup says"""
        return kernel.cgroup_value(self.pid, controller, v1_file, v2_file)

    def keep_cgroup(self):
        """Have somebody stay in its cgroup: conmon reads there what the kernel has killed, but
        systemd removes it as soon as it is empty.  Who stays is killed with the scope."""
        if self.podman.manager == "systemd":
            process = self.podman.t.spawn("sleep", "100000")
            with open(f"{kernel.cgroup_dirs(self.pid)['']}/cgroup.procs", "w") as f:
                f.write(str(process.pid))

    def frozen(self):
        """the kernel's word"""
        dirs = kernel.cgroup_dirs(self.pid)
        if "freezer" in dirs:
            return kernel.read(f"{dirs['freezer']}/freezer.state").strip() == "FROZEN"
        return "frozen 1" in kernel.read(f"{dirs['']}/cgroup.events")

    def remove(self):
        """`rm --force`, after which nothing must be left"""
        self.podman.ok("rm", "--force", "--time", "0", self.name)
        self.podman.containers.remove(self.name)
        self.podman.must_be_gone(self.id)
