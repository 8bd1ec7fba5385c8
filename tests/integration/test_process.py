"""process: who the payload is and what it may do."""
import ctypes
import os
import platform
import re
import socket

import inside
import kernel
from harness import needs

SETS = {"bounding": "bnd", "effective": "eff", "permitted": "prm", "inheritable": "inh",
        "ambient": "amb"}


def groups(pid):
    return sorted(int(word) for word in kernel.status(pid)["Groups"].split())


@needs("root")
def test_user(t):
    """uid and gid are the configured ones, in all four places"""
    config = t.config()
    config["process"]["user"] = {"uid": 1000, "gid": 2000}
    fields = kernel.status(t.sleeper(config).pid)
    t.equal((fields["Uid"].split(), fields["Gid"].split()), (["1000"] * 4, ["2000"] * 4))


@needs("root")
def test_groups(t):
    """the supplementary groups are exactly the configured ones; without any, none is left"""
    before = os.getgroups()
    os.setgroups([4000, 4001])
    try:
        config = t.config()
        config["process"]["user"] = {"uid": 7, "gid": 8, "additionalGids": [9, 70000, 4294967294]}
        t.equal(groups(t.sleeper(config).pid), [9, 70000, 4294967294])
        t.equal(groups(t.sleeper().pid), [], "groups without additionalGids")
    finally:
        os.setgroups(before)


@needs("root")
def test_umask(t):
    """user.umask is the payload's"""
    for value, text in ((0o27, "0027"), (0, "0000"), (0o777, "0777")):
        config = t.config()
        config["process"]["user"]["umask"] = value
        t.equal(kernel.status(t.sleeper(config).pid)["Umask"], text)


def capability_config(t, sets, uid=0):
    config = t.config()
    config["process"]["user"] = {"uid": uid, "gid": uid}
    config["process"]["capabilities"] = {name: [f"CAP_{word}" for word in value]
                                         for name, value in sets.items()}
    return config


def check_capabilities(t, pid, sets, what):
    expected = {short: inside.capability_mask(*sets.get(name, ()))
                for name, short in SETS.items()}
    t.equal(kernel.capabilities(pid), expected, what)


@needs("root")
def test_capability_sets(t):
    """each of the five sets of a user who is not root is what the config says"""
    sets = {"bounding": ["CHOWN", "KILL", "NET_RAW", "SYS_CHROOT"],
            "permitted": ["CHOWN", "KILL", "NET_RAW"], "effective": ["CHOWN", "KILL"],
            "inheritable": ["CHOWN", "KILL", "NET_RAW"], "ambient": ["CHOWN", "KILL"]}
    c = t.sleeper(capability_config(t, sets, 1000))
    ambient = dict(sets, permitted=sets["ambient"], effective=sets["ambient"])
    check_capabilities(t, c.pid, ambient, "uid 1000: an exec keeps the ambient ones")
    result = c.sh("cat /proc/self/status")
    t.equal(int(dict(line.split(":\t") for line in result.out.splitlines())["CapBnd"], 16),
            inside.capability_mask(*sets["bounding"]), "bounding set of exec")


@needs("root")
def test_capabilities_of_root(t):
    """root's exec gets permitted and effective from the bounding and inheritable sets"""
    sets = {name: ["AUDIT_WRITE", "CHECKPOINT_RESTORE", "NET_BIND_SERVICE"]
            for name in ("bounding", "effective", "permitted")}
    c = t.sleeper(capability_config(t, sets))
    check_capabilities(t, c.pid, sets, "run")
    pid_file = t.path("exec.pid")
    t.equal(c.t.skiff("exec", "--detach", "--pid-file", pid_file, c.id, "sleep", "9999").rc, 0)
    check_capabilities(t, int(kernel.read(pid_file)), sets, "exec")


@needs("root")
def test_no_capabilities(t):
    """empty sets leave root without any capability, also in the bounding set"""
    check_capabilities(t, t.sleeper(capability_config(t, {})).pid, {}, "empty object")
    check_capabilities(t, t.sleeper(capability_config(t, {name: [] for name in SETS})).pid, {},
                       "empty lists")


@needs("root")
def test_all_capabilities(t):
    """every capability that the caller has can be given"""
    own = kernel.capabilities("self")["prm"]
    names = [name for n, name in enumerate(inside.CAPABILITIES) if own >> n & 1]
    sets = {name: names for name in SETS}
    check_capabilities(t, t.sleeper(capability_config(t, sets)).pid, sets, "all")


@needs("root")
def test_rlimits(t):
    """each kind of limit is set, soft and hard; those that are not listed are the caller's"""
    kinds = (("CPU", "Max cpu time", 1000, 2000), ("FSIZE", "Max file size", 1 << 33, 1 << 34),
             ("DATA", "Max data size", 1 << 40, 1 << 41),
             ("STACK", "Max stack size", 1 << 22, 1 << 23),
             ("CORE", "Max core file size", 0, 0),
             ("RSS", "Max resident set", 1 << 30, 1 << 31), ("NPROC", "Max processes", 500, 600),
             ("NOFILE", "Max open files", 77, 1234),
             ("MEMLOCK", "Max locked memory", 8192, 16384),
             ("AS", "Max address space", 1 << 42, 1 << 43), ("LOCKS", "Max file locks", 9, 10),
             ("SIGPENDING", "Max pending signals", 11, 12),
             ("MSGQUEUE", "Max msgqueue size", 13, 14), ("NICE", "Max nice priority", 15, 16),
             ("RTPRIO", "Max realtime priority", 17, 18),
             ("RTTIME", "Max realtime timeout", 19000, 20000))
    most = {name: int(hard) for name, (_, hard) in kernel.limits("self").items()
            if hard != "unlimited" and not kernel.capabilities("self")["eff"] >> 24 & 1}
    kinds = [(word, name, min(soft, most.get(name, soft)), min(hard, most.get(name, hard)))
             for word, name, soft, hard in kinds]
    config = t.config()
    config["process"]["rlimits"] = [{"type": f"RLIMIT_{word}", "soft": soft, "hard": hard}
                                    for word, _, soft, hard in kinds]
    found = kernel.limits(t.sleeper(config).pid)
    for _, name, soft, hard in kinds:
        t.equal(found[name], (str(soft), str(hard)), name)
    t.equal(kernel.limits(t.sleeper().pid)["Max resident set"],
            kernel.limits("self")["Max resident set"], "a limit that is not listed")


@needs("root")
def test_rlimit_unlimited(t):
    """2^64-1 means without limit"""
    config = t.config()
    config["process"]["rlimits"] = [{"type": "RLIMIT_CORE", "soft": 5, "hard": 2 ** 64 - 1}]
    t.equal(kernel.limits(t.sleeper(config).pid)["Max core file size"], ("5", "unlimited"))


@needs("root")
def test_no_new_privileges(t):
    """noNewPrivileges sets the flag, and without it the flag is off"""
    for value in (True, False):
        config = t.config()
        config["process"]["noNewPrivileges"] = value
        t.equal(kernel.status(t.sleeper(config).pid)["NoNewPrivs"], str(int(value)))


@needs("root")
def test_oom_score_adj(t):
    """oomScoreAdj is the payload's from its first instruction; without it, it is the caller's"""
    own = kernel.read("/proc/self/oom_score_adj")
    config = t.config()
    config["process"]["oomScoreAdj"] = 345
    t.equal(t.sh("cat /proc/self/oom_score_adj", config).out, "345\n")
    t.equal(t.sh("cat /proc/self/oom_score_adj").out, own)


@needs("root")
def test_cwd(t):
    """the payload begins in cwd, which is made if it is missing"""
    rootfs = t.rootfs()
    config = t.config("/bin/sleep", "100000")
    config["process"]["cwd"] = "/not/there"
    c = t.background(config, rootfs=rootfs)
    t.equal(os.readlink(f"/proc/{c.pid}/cwd"), "/not/there")
    t.true(os.path.isdir(rootfs + "/not/there"), "it was not made in the root file system")
    config["process"]["cwd"] = "/tmp"
    t.equal(t.sh("pwd", config).out, "/tmp\n")


@needs("root")
def test_personality(t):
    """the execution domain LINUX32 shows in uname and in /proc"""
    config = t.config()
    config["linux"]["personality"] = {"domain": "LINUX32"}
    t.equal(kernel.read(f"/proc/{t.sleeper(config).pid}/personality").strip(), "00000008")
    config["linux"]["personality"] = {"domain": "LINUX"}
    t.equal(kernel.read(f"/proc/{t.sleeper(config).pid}/personality").strip(), "00000000")


@needs("root")
def test_session_keyring(t):
    """each container has a session keyring of its own, with --no-new-keyring the caller's"""
    code = ("import ctypes; f = ctypes.CDLL(None).syscall; "
            f"print(f({ {'x86_64': 250}.get(platform.machine(), 219) }, 0, -3, 0))")
    own = t.command("/usr/bin/python3", "-c", code).out
    config = inside.set_python(t.config(), code)
    found = [t.run(config).out for _ in range(2)]
    t.true(found[0] != found[1] and own not in found, f"keyrings {found}, the caller's {own}")
    t.equal(t.run(config, "--no-new-keyring").out, own)


@needs("root")
def test_standard_limits_of_exec(t):
    """a process of exec has the limits, the oom score and the flag of the payload"""
    config = t.config()
    config["process"]["oomScoreAdj"] = 123
    config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 55, "hard": 66}]
    c = t.sleeper(config)
    result = c.sh("cat /proc/self/oom_score_adj; ulimit -n; ulimit -Hn; "
                  "grep NoNewPrivs /proc/self/status")
    t.equal(result.out.split(), ["123", "55", "66", "NoNewPrivs:", "1"])


@needs("root")
def test_default_umask(t):
    """without user.umask it is 0022, whatever the caller's is"""
    before = os.umask(0o77)
    try:
        t.equal(kernel.status(t.sleeper().pid)["Umask"], "0022")
    finally:
        os.umask(before)


@needs("root")
def test_scheduler_refused(t):
    """parameters that do not belong to the policy are refused before anything is made"""
    for wish, where in (({"policy": "SCHED_ISO"}, "policy"),
                        ({"policy": "SCHED_FIFO"}, "priority"),
                        ({"policy": "SCHED_FIFO", "priority": 100}, "priority"),
                        ({"policy": "SCHED_OTHER", "nice": 20}, "nice"),
                        ({"policy": "SCHED_OTHER", "runtime": 5}, ""),
                        ({"policy": "SCHED_DEADLINE", "runtime": 2000000, "deadline": 1000000},
                         "deadline"),
                        ({"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_NONE"]}, "flags[0]")):
        config = t.config()
        config["process"]["scheduler"] = wish
        t.fails(t.run(config), f"process.scheduler{'.' if where else ''}{where}", rc=1)


@needs("root", "native", "cmd:strace")
def test_cpu_affinity_order(t):
    """initial is set before the cgroup is joined, final after"""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2 or not kernel.cgroup_mounts().keys() - {""}:
        t.skip("needs two CPUs and a cgroup that is joined by writing")
    config = t.config()
    config["process"]["execCPUAffinity"] = {"initial": str(cpus[0]), "final": str(cpus[1])}
    c = t.sleeper(config)
    trace = t.path("trace")
    t.equal(t.command("strace", "-f", "-qq", "-e", "trace=sched_setaffinity,write", "-o", trace,
                      t.binary, "--root", t.root, "exec", c.id, "/bin/true").rc, 0)
    found = [line.split(None, 1)[1] for line in kernel.read(trace).splitlines()]
    sets = [n for n, line in enumerate(found) if line.startswith("sched_setaffinity")]
    told = [n for n, line in enumerate(found) if "cgroup.procs" in line]
    t.equal(len(sets), 2, "calls of sched_setaffinity")
    t.true(not told or sets[0] < told[0] < sets[1], f"order: {found}")


@needs("root")
def test_memory_policy_refused(t):
    """modes without nodes, nodes that are not there and wrong words are refused and named"""
    for wish, where in (({"mode": "MPOL_BIND"}, "nodes"), ({"mode": "MPOL_BAD"}, "mode"),
                        ({"mode": "MPOL_BIND", "nodes": "0-"}, "nodes"),
                        ({"mode": "MPOL_LOCAL", "nodes": "0"}, "nodes"),
                        ({"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_X"]}, "flags[0]"),
                        ({"mode": "MPOL_BIND", "nodes": "0", "flags": [
                            "MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"]}, "flags")):
        config = t.config()
        config["linux"]["memoryPolicy"] = wish
        t.fails(t.run(config), f"linux.memoryPolicy.{where}", rc=1)
    config["linux"]["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "1000"}
    t.fails(t.run(config), "linux.memoryPolicy", "mempolicy", rc=1)


@needs("root")
def test_labels_without_module(t):
    """a profile of AppArmor or a label of SELinux is refused where the kernel has none"""
    for key, module, path in (("apparmorProfile", "AppArmor", "/sys/module/apparmor"),
                              ("selinuxLabel", "SELinux", "/sys/fs/selinux/enforce")):
        if os.path.exists(path):
            continue
        config = t.config()
        config["process"][key] = "some_label"
        t.fails(t.run(config), f"process.{key}", f"{module} is not enabled", rc=1)


@needs("root")
def test_exec_labels_without_module(t):
    """exec's --apparmor and --process-label say what the kernel lacks"""
    c = t.sleeper()
    for option, module, path in (("--apparmor", "AppArmor", "/sys/module/apparmor"),
                                 ("--process-label", "SELinux", "/sys/fs/selinux/enforce")):
        if not os.path.exists(path):
            t.fails(t.skiff("exec", option, "some_label", c.id, "true"),
                    f"{module} is not enabled", rc=255)


@needs("root", "vm")
def test_apparmor(t):
    """a profile of AppArmor is the payload's and exec's; one that is not loaded is named"""
    namespace = f"/sys/kernel/security/apparmor/policy/namespaces/{t.mark}"
    profile = f":{t.mark}://unconfined"
    config = t.config("/bin/cat", "/proc/self/attr/apparmor/current")
    os.mkdir(namespace)
    try:
        config["process"]["apparmorProfile"] = profile
        t.contains(t.run(config).out, "unconfined", "label as the payload sees it")
        config["process"]["args"] = ["/bin/sleep", "100000"]
        c = t.background(config)
        t.contains(kernel.read(f"/proc/{c.pid}/attr/apparmor/current"), f"{t.mark}", "label")
        del config["process"]["apparmorProfile"]
        plain = t.background(config)
        t.true(t.mark not in kernel.read(f"/proc/{plain.pid}/attr/apparmor/current"), "no label")
        t.ok("exec", "--detach", "--pid-file", t.path("pid-exec"), "--apparmor", profile, plain.id,
             "/bin/sleep", "100000")
        label = kernel.read(f"/proc/{kernel.read(t.path('pid-exec'))}/attr/apparmor/current")
        t.contains(label, f"{t.mark}", "exec's label")
        t.fails(t.skiff("exec", "--apparmor", "no_such_profile", plain.id, "true"),
                "no_such_profile", rc=255)
        for one in (c, plain):
            one.delete("--force")
    finally:
        os.rmdir(namespace)


def pidfds_sent(t, path, command):
    """what command() sends to a socket at path: pids of the descriptors, and its own result"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.bind(path)
        sock.listen(1)
        result = command()
        with sock.accept()[0] as connection:
            _, fds, _, _ = socket.recv_fds(connection, 100, 2)
    os.unlink(path)
    found = [re.search(r"^Pid:\t(\d+)$", kernel.read(f"/proc/self/fdinfo/{fd}"), re.M)[1]
             for fd in fds]
    for fd in fds:
        os.close(fd)
    return found, result


@needs("root")
def test_pidfd_of_run_and_exec(t):
    """run and exec send a pidfd of their process to --pidfd-socket, too"""
    path = t.path("pidfd.sock")
    config = t.config("/bin/sleep", "100000")
    found, c = pidfds_sent(t, path, lambda: t.background(config, "--pidfd-socket", path))
    t.equal(found, [str(c.pid)], "run's")
    found, _ = pidfds_sent(t, path, lambda: t.ok(
        "exec", "--detach", "--pid-file", t.path("pid-exec"), "--pidfd-socket", path, c.id,
        "/bin/sleep", "100000"))
    t.equal(found, [kernel.read(t.path("pid-exec"))], "exec's")


@needs("root")
def test_pidfd(t):
    """--pidfd-socket, or crun's annotation run.oci.pidfd_receiver, gets a pidfd of the payload"""
    path = t.path("pidfd.sock")
    for options, annotations in ((["--pidfd-socket", path], {}),
                                 ([], {"run.oci.pidfd_receiver": path})):
        config = {**t.config(), "annotations": annotations}
        found, c = pidfds_sent(t, path, lambda: t.create(config, *options))
        t.equal(found, [str(c.pid)], str(options))


@needs("root", "native", "cmd:strace")
def test_not_dumpable_after_ids(t):
    """after its last change of ids init is closed to the container again (fs.suid_dumpable)"""
    config = t.config()
    config["process"]["user"] = {"uid": 1000, "gid": 1000}
    trace = t.path("trace")
    result = t.command("strace", "-f", "-qq", "-e", "trace=setresuid,prctl,execve", "-o", trace,
                       t.binary, "--root", t.root, "run", "--bundle", t.bundle(config),
                       t.new_id())
    t.equal(result.rc, 0, result.err)
    found = [line.split(None, 1)[1] for line in kernel.read(trace).splitlines()]
    change = max(n for n, line in enumerate(found) if line.startswith("setresuid(1000"))
    t.true(found[change + 1].startswith("prctl(PR_SET_DUMPABLE, SUID_DUMP_DISABLE"),
           f"after it: {found[change + 1]}")
