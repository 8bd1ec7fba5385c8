"""Commands and options that have no home elsewhere: spec, features, plan, check, warnings, other
names of config.json."""
import json
import os
import re

import inside
import kernel
from harness import needs


def written(t, *options, where):
    t.ok("spec", *options, cwd=where)
    with open(f"{where}/config.json", encoding="utf-8") as f:
        return json.load(f)


@needs("root")
def test_spec(t):
    """spec writes a config that runs; never over one that is there; --bundle and --file say
    where"""
    bundle = t.path("bundle")
    os.mkdir(bundle)
    os.rename(t.rootfs(), f"{bundle}/rootfs")
    config = written(t, where=bundle)
    t.fails(t.skiff("spec", cwd=bundle), "config.json", rc=1)
    config["process"].update(terminal=False, args=["/bin/echo", "it runs"])
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as f:
        json.dump(config, f)
    t.equal(t.skiff("run", "--bundle", bundle, t.new_id()).out, "it runs\n")
    other = t.path("other")
    os.mkdir(other)
    t.ok("spec", "--bundle", other)
    t.ok("spec", "-b", other, "-f", "second.json")
    t.equal(sorted(os.listdir(other)), ["config.json", "second.json"])


@needs("root")
def test_spec_rootless(t):
    """spec --rootless maps the caller to root in a user namespace of the container, and runs"""
    bundle = t.path("bundle")
    os.mkdir(bundle)
    os.rename(t.rootfs(), f"{bundle}/rootfs")
    config = written(t, "--rootless", where=bundle)
    t.contains([space["type"] for space in config["linux"]["namespaces"]], "user")
    t.equal(config["linux"]["uidMappings"],
            [{"containerID": 0, "hostID": os.geteuid(), "size": 1}])
    config["process"].update(terminal=False, args=["/bin/cat", "/proc/self/uid_map"])
    with open(f"{bundle}/config.json", "w", encoding="utf-8") as f:
        json.dump(config, f)
    result = t.skiff("run", "--bundle", bundle, t.new_id())
    t.equal(result.out.split(), ["0", str(os.geteuid()), "1"], result.err)


def named(t, config, name):
    """a bundle whose configuration has another name"""
    path = t.bundle(config)
    os.rename(f"{path}/config.json", f"{path}/{name}")
    return path


@needs("root")
def test_other_configuration(t):
    """--config: run, create, check and plan read another file than config.json"""
    path = named(t, t.config("/bin/echo", "other"), "other.json")
    for name in ("other.json", f"{path}/other.json"):
        t.note(name)
        where = path if name == "other.json" else "/"
        bundle = "." if name == "other.json" else path
        t.equal(t.skiff("run", "-b", bundle, "--config", name, t.new_id(), cwd=where).out,
                "other\n")
        ident = t.new_id()
        t.ok("create", f"--config={name}", "--bundle", bundle, ident, cwd=where)
        t.equal(t.ok("start", ident, cwd=where).rc, 0)
        t.ok("delete", "--force", ident)
        t.ok("check", "-b", bundle, "-f", name, cwd=where)
        t.contains(t.ok("plan", "--bundle", bundle, "-f", name, cwd=where).out, "/bin/echo other")
    result = t.skiff("run", "-b", path, "--config", "missing.json", t.new_id())
    t.fails(result, "missing.json", rc=1)


@needs("root")
def test_plan_id(t):
    """plan --id names the container whose plan it is"""
    t.contains(t.ok("plan", "--id", "my-name", "--bundle", t.bundle()).out, "my-name")


@needs("root")
def test_check_bundle(t):
    """check --bundle looks at that bundle"""
    config = t.config()
    config["process"]["cwd"] = "relative"
    result = t.skiff("check", "--bundle", t.bundle(config))
    t.equal(result.rc, 1)
    t.contains(result.out + result.err, "process.cwd")
    t.equal(t.skiff("check", "--bundle", t.bundle()).rc, 0)


def test_features(t):
    """features is the specification's JSON and tells nothing that is not so: its words are
    accepted, and what libseccomp it has"""
    found = t.ok("features").json()
    t.true(found["ociVersionMin"].startswith("1.0") and found["ociVersionMax"].startswith("1."),
           f"{found}")
    t.equal(found["hooks"], ["prestart", "createRuntime", "createContainer", "startContainer",
                             "poststart", "poststop"])
    t.equal(sorted(found["linux"]["namespaces"]),
            ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"])
    for word in ("rro", "idmap", "rbind", "tmpcopyup", "nosymfollow"):
        t.contains(found["mountOptions"], word)
    t.true(len(found["linux"]["capabilities"]) >= 41, "capabilities")
    t.contains(found["linux"]["seccomp"]["actions"], "SCMP_ACT_NOTIFY")
    version = found["annotations"]["io.github.seccomp.libseccomp.version"]
    t.true(re.match(r"2\.\d+\.\d+$", version), version)


@needs("root")
def test_features_mount_options(t):
    """what features lists as mount options is accepted: no file system is asked about it"""
    config = t.config()
    skipped = {"bind", "rbind", "remount", "idmap", "ridmap", "tmpcopyup", "copy-symlink",
               "src-nofollow"}
    for option in t.ok("features").json()["mountOptions"]:
        if option not in skipped:
            inside.add_tmpfs(config, f"/tmp/{option}", option)
    config["mounts"].insert(0, {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    t.equal(t.run(config).rc, 0)


@needs("root")
def test_warnings(t):
    """a success tells its warnings, in the log file if there is one; a failure only its error,
    and --log-level error neither"""
    config = t.config()
    config["process"]["capabilities"]["bounding"].append("CAP_UNHEARD_OF")
    expected = 'process.capabilities.bounding[3]: "CAP_UNHEARD_OF"'
    result = t.run(config)
    t.equal((result.rc, len(result.err.splitlines())), (0, 1), result.err)
    t.contains(result.err, expected)
    log = t.path("log")
    result = t.skiff("--log", log, "run", "--bundle", t.bundle(config), t.new_id())
    t.equal((result.rc, result.err), (0, ""))
    t.contains(kernel.read(log), f"warning: {expected}")
    path = t.bundle(config)
    t.equal(t.skiff("--log-level", "error", "run", "--bundle", path, t.new_id()).err, "")
    config["process"]["args"] = ["/nowhere/program"]
    t.fails(t.run(config), "/nowhere/program", rc=1)


@needs("root")
def test_properties_of_other_systems(t):
    """username and commandLine, which are Windows', change nothing"""
    config = t.config("/bin/id", "-u")
    config["process"]["user"].update(uid=1000, username="root")
    config["process"]["commandLine"] = "/bin/false"
    t.equal(t.run(config).out, "1000\n")


@needs("root")
def test_personality_flags(t):
    """the specification has no flags of a personality: any is refused"""
    config = t.config()
    config["linux"]["personality"] = {"domain": "LINUX", "flags": ["ADDR_NO_RANDOMIZE"]}
    t.fails(t.run(config), "linux.personality.flags", rc=1)
    config["linux"]["personality"]["flags"] = []
    t.equal(t.run(config).rc, 0)


@needs("root")
def test_no_pivot(t):
    """--no-pivot: the root is the container's all the same, for run and create"""
    c = t.sleeper()
    for command in ("run", "create"):
        config = t.config("/bin/sh", "-c", "ls -d /bin /etc /home; ls / | grep -c .")
        path, ident = t.bundle(config), t.new_id()
        result = t.ok(command, "--no-pivot", "--bundle", path, ident)
        if command == "create":
            pid = t.ok("state", ident).json()["pid"]
            t.equal(os.stat(f"/proc/{pid}/root/bin").st_ino,
                    os.stat(f"/proc/{c.pid}/root/bin").st_ino, "root of init")
            t.ok("start", ident)
        else:
            t.equal(result.out.split(), ["/bin", "/etc", "/home",
                                         str(len(os.listdir(t.shared_rootfs)))])


@needs("root")
def test_create_options(t):
    """create --no-new-keyring and --no-subreaper: as run's, and the container works"""
    ident = t.new_id()
    t.ok("create", "--no-subreaper", "--no-new-keyring", "--bundle",
         t.bundle(t.config("/bin/sleep", "100000")), ident)
    pid = t.ok("state", ident).json()["pid"]
    t.ok("start", ident)
    t.wait_until(lambda: kernel.has_executed(pid), what="the payload")
    with open("/proc/keys", encoding="ascii") as f:
        t.true(f" _ses.{ident}" not in f.read(), "a keyring of its own")


@needs("root")
def test_keep_original_groups(t):
    """run.oci.keep_original_groups leaves the caller's groups to the payload"""
    before = os.getgroups()
    os.setgroups([4000, 4001])
    try:
        config = t.config()
        config["annotations"] = {"run.oci.keep_original_groups": "1"}
        t.equal(sorted(kernel.status(t.sleeper(config).pid)["Groups"].split()), ["4000", "4001"])
    finally:
        os.setgroups(before)
