"""An ordinary user's containers: one mapped id, or ranges by newuidmap."""
import os
import shutil
import subprocess

import inside
import kernel
from bundle import add_user_namespace
from harness import needs

UID = 65534  # nobody has a name, which newuidmap asks for, on every machine
OUTER = ("unshare", "--user", "--map-root-user", "--mount")


def program(t):
    """the program under test, where an ordinary user can reach it"""
    copy = t.path("program")
    if not os.path.exists(copy):
        shutil.copy(t.binary, copy)
        os.chmod(copy, 0o755)
    return copy


def home(t):
    path = t.path("home")
    if not os.path.exists(path):
        os.mkdir(path, 0o700)
        os.chown(path, UID, UID)
    return path


def as_user(t, *args, options=(), env=None):
    """run the program under test as an ordinary user"""
    return t.command("setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups", *options,
                     *([] if "--" in options else ["--"]), program(t), *args, env=env)


def skiff(t, *args, options=()):
    return as_user(t, "--root", home(t) + "/state", *args, options=options)


def user_config(t, *args, ranges=False):
    """what `spec --rootless` describes: a user namespace, nothing that needs the host's root"""
    config = t.config(*args)
    add_user_namespace(config)
    linux = config["linux"]
    for key in ("uidMappings", "gidMappings"):
        linux[key] = [{"containerID": 0, "hostID": UID, "size": 1}]
        if ranges:
            linux[key].append({"containerID": 1, "hostID": 300000, "size": 1000})
    del linux["resources"]
    config["mounts"] = [m for m in config["mounts"] if m["type"] != "cgroup"]
    for mount in config["mounts"]:
        if mount["type"] == "devpts":
            mount["options"].remove("gid=5")
    return config


def run(t, config, **how):
    return skiff(t, "run", "--bundle", t.bundle(config), f"{t.mark}-u{t.counter}", **how)


@needs("root", "cmd:setpriv")
def test_run(t):
    """an ordinary user runs a container and is root in it, and nobody else"""
    config = user_config(t, "/bin/sh", "-c", "id -u; id -g; cat /proc/self/uid_map "
                         "/proc/self/gid_map /proc/self/setgroups; touch /mnt/file; exit 3")
    shared = inside.share(t, config)
    result = run(t, config)
    t.equal((result.rc, result.out.split()),
            (3, ["0", "0", "0", str(UID), "1", "0", str(UID), "1", "deny"]), result.err)
    t.equal((os.stat(shared + "/file").st_uid, os.stat(shared + "/file").st_gid), (UID, UID))


@needs("root", "cmd:setpriv")
def test_without_any_privilege(t):
    """no_new_privs and an empty bounding set of the caller are no hindrance with one id"""
    for option in ("--no-new-privs", "--bounding-set=-all"):
        result = run(t, user_config(t, "/bin/sh", "-c", "id -u; grep NoNewPrivs "
                                    "/proc/self/status"), options=[option])
        t.equal((result.rc, result.out.split()), (0, ["0", "NoNewPrivs:", "1"]), option)


@needs("root", "cmd:setpriv")
def test_life(t):
    """create, start, exec, state, kill and delete work for an ordinary user"""
    path = t.bundle(user_config(t, "/bin/sleep", "100000"))
    ident = f"{t.mark}-life"
    for args in (("create", "--bundle", path, ident), ("start", ident)):
        result = skiff(t, *args)
        t.equal(result.rc, 0, result.err)
    state = skiff(t, "state", ident).json()
    t.equal(state["status"], "running")
    t.wait_until(lambda: kernel.argv(state["pid"]) == ["/bin/sleep", "100000"], what="payload")
    t.equal(kernel.status(state["pid"])["Uid"].split(), [str(UID)] * 4)
    result = skiff(t, "exec", ident, "/bin/sh", "-c", "id -u; cat /proc/1/cmdline; exit 4")
    t.equal((result.rc, result.out), (4, "0\n/bin/sleep\x00100000\x00"), result.err)
    t.equal(skiff(t, "list", "--quiet").out.split(), [ident])
    t.equal(skiff(t, "kill", ident, "KILL").rc, 0)
    t.wait_until(lambda: not kernel.is_alive(state["pid"]), what="the end")
    result = skiff(t, "delete", ident)
    t.equal(result.rc, 0, result.err)


@needs("root", "cmd:setpriv", "cmd:newuidmap")
def test_ranges(t):
    """ranges that /etc/subuid gives to the user are mapped by newuidmap"""
    with open(t.path("subid"), "w", encoding="utf-8") as f:
        f.write("nobody:300000:65536\n")
    for name in ("/etc/subuid", "/etc/subgid"):
        subprocess.run(["mount", "--bind", t.path("subid"), name], check=True)
    try:
        config = user_config(t, "/bin/sh", "-c", "cat /proc/self/uid_map /proc/self/gid_map "
                             "/proc/self/setgroups; id -u; id -G", ranges=True)
        config["process"]["user"] = {"uid": 7, "gid": 8, "additionalGids": [9]}
        result = run(t, config)
        maps = ["0", str(UID), "1", "1", "300000", "1000"]
        t.equal((result.rc, result.out.split()), (0, maps * 2 + ["allow", "7", "8", "9"]),
                result.err)
    finally:
        for name in ("/etc/subuid", "/etc/subgid"):
            subprocess.run(["umount", name], check=True)


@needs("root", "cmd:setpriv")
def test_foreign_ids_refused(t):
    """ids that are not the user's cannot be mapped, and nothing is left of the attempt"""
    config = user_config(t, "/bin/true")
    config["linux"]["uidMappings"][0]["hostID"] = 0
    t.fails(run(t, config), rc=1)
    t.equal(skiff(t, "list", "--quiet").out, "")


@needs("root", "cmd:setpriv")
def test_groups_refused(t):
    """supplementary groups where setgroups is denied are refused, not left out"""
    config = user_config(t, "/bin/true")
    config["process"]["user"]["additionalGids"] = [5]
    t.fails(run(t, config), "additionalGids", rc=1)


@needs("root", "cmd:setpriv")
def test_default_root(t):
    """without --root the state lies in $XDG_RUNTIME_DIR"""
    path, ident = t.bundle(user_config(t, "/bin/sleep", "100000")), f"{t.mark}-xdg"
    env = {"XDG_RUNTIME_DIR": home(t)}
    result = as_user(t, "run", "--detach", "--bundle", path, ident, env=env)
    t.equal(result.rc, 0, result.err)
    t.true(any(ident in names for _, names, _ in os.walk(home(t))), "no state there")
    t.equal(as_user(t, "delete", "--force", ident, env=env).rc, 0)


def default_root(t, *options, env=None, user=False):
    """the state directory that skiff chooses, as its refusal to read it tells"""
    run = as_user if user else lambda t, *args, env: t.command(t.binary, *args, env=env)
    result = run(t, *options, "state", f"{t.mark}-none", env=env)
    t.fails(result, "does not exist", rc=1)
    traced = t.command("strace", "-qq", "-e", "trace=openat", *result.argv, env=env)
    found = [line.split('"')[1] for line in traced.err.splitlines() if f"{t.mark}-none" in line
             and line.startswith("openat")]
    t.true(found, traced.err)
    return os.path.dirname(found[0])


@needs("root", "native", "cmd:strace", "cmd:setpriv")
def test_choice_of_root(t):
    """the default state directory: by real root's absence, or as --rootless says"""
    xdg = {"XDG_RUNTIME_DIR": "/run/here"}
    for user, options, env, expected in (
            (False, (), {}, "/run/skiff"),
            (False, (), xdg, "/run/skiff"),
            (False, ("--rootless", "true"), xdg, "/run/here/skiff"),
            (False, ("--rootless=true",), {}, "/run/user/0/skiff"),
            (False, ("--rootless=false",), xdg, "/run/skiff"),
            (False, ("--rootless", "auto"), xdg, "/run/skiff")):
        t.equal(default_root(t, *options, env=env, user=user), expected, f"{options} {env}")
    for inside_userns, user, expected in (
            (("--map-root-user",), "someone", "/run/here/skiff"),
            (("--map-root-user",), None, "/run/here/skiff"),
            (("--map-root-user",), "root", "/run/skiff")):
        env = {**xdg, **({"USER": user} if user else {})}
        traced = t.command("unshare", "--user", *inside_userns, "strace", "-qq", "-e",
                           "trace=openat", t.binary, "state", f"{t.mark}-none", env=env)
        t.contains(traced.err, f'"{expected}/{t.mark}-none"', f"USER={user} in a user namespace")


def read_only_cgroups(t):
    """as in a container of an engine, where root may not make cgroups"""
    for point in set(kernel.cgroup_mounts().values()):
        subprocess.run(["mount", "-o", "remount,ro,bind", point], check=True)


def writable_cgroups(t):
    for point in set(kernel.cgroup_mounts().values()):
        subprocess.run(["mount", "-o", "remount,rw,bind", point], check=True)


@needs("root")
def test_cgroups_of_others(t):
    """--rootless=true lets root, too, do without a cgroup that may not be made; =false and root's
    auto are strict, and limits are never passed over"""
    config = t.config("/bin/sh", "-c", "exit 4")
    config["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    limited = t.config("/bin/sh", "-c", "exit 4")
    limited["linux"]["resources"]["pids"] = {"limit": 10}
    read_only_cgroups(t)
    try:
        for option, rc in (("true", 4), ("auto", 1), ("false", 1)):
            result = t.skiff("--rootless", option, "run", "-b", t.bundle(config), t.new_id())
            t.equal(result.rc, rc, f"--rootless {option}: {result.err}")
            if rc == 1:
                t.contains(result.err, "cgroup")
        t.equal(t.skiff("--rootless", "true", "run", "-b", t.bundle(limited), t.new_id()).rc, 1,
                "a limit without a cgroup")
        t.fails(t.skiff("--rootless", "true", "run", "-b", t.bundle(), t.new_id()),
                "linux.resources.devices", "the container has no cgroup", rc=1)
        ident = t.new_id()
        t.ok("--rootless=true", "run", "-d", "-b", t.bundle(
            {**config, "process": {**config["process"], "args": ["/bin/sleep", "100000"]}}), ident)
        t.equal(t.skiff("--rootless=true", "exec", ident, "/bin/sh", "-c", "exit 6").rc, 6)
        t.ok("--rootless=true", "delete", "--force", ident)
        for option, rc in (("auto", 0), ("true", 0), ("false", 1)):
            result = as_user(t, "--root", home(t) + "/state", "--rootless", option, "run", "-b",
                             t.bundle(user_config(t)), f"{t.mark}-{option}")
            t.equal(result.rc, rc, f"user, --rootless {option}: {result.err}")
    finally:
        writable_cgroups(t)


@needs("root", "cmd:setpriv", "cmd:unshare")
def test_inside_a_user_namespace(t):
    """root of a user namespace that an ordinary user made runs containers in it, and in one more
    of their own; setgroups is denied there"""
    rootfs = t.rootfs()
    subprocess.run(["chown", "-R", f"{UID}:{UID}", rootfs], check=True)
    for nested in (False, True):
        config = user_config(t, "/bin/sh", "-c",
                             "cat /proc/self/setgroups /proc/self/uid_map; id -u; exit 3")
        linux = config["linux"]
        if nested:
            for key in ("uidMappings", "gidMappings"):
                linux[key][0]["hostID"] = 0
        else:
            del linux["uidMappings"], linux["gidMappings"]
            linux["namespaces"] = [n for n in linux["namespaces"] if n["type"] != "user"]
        path = t.bundle(config, rootfs)
        result = as_user(t, "--root", home(t) + "/state", "run", "--bundle", path, t.new_id(),
                         options=("--",) + OUTER)
        t.equal((result.rc, result.err), (3, ""), f"nested {nested}")
        outside = "0" if nested else str(UID)
        t.equal(result.out.split(), ["deny", "0", outside, "1", "0"], f"nested {nested}")
    config["process"]["user"]["additionalGids"] = [1]
    result = as_user(t, "--root", home(t) + "/state", "run", "--bundle", t.bundle(config, rootfs),
                     t.new_id(), options=("--",) + OUTER)
    t.fails(result, "process.user.additionalGids", rc=1)
