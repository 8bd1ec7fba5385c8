"""skiff mounts: adding mounts to a running container and removing them, and what a hostile
container makes of that."""
import json
import os
import stat

import inside
import kernel
from bundle import add_user_namespace
from harness import needs


def mount(destination, fstype, source="none", options=(), **more):
    return {"destination": destination, "type": fstype, "source": source,
            "options": list(options), **more}


def bind(source, destination, *options, **more):
    return mount(destination, "bind", source, ["bind", *options], **more)


def change(t, c, what, *mounts, wrap=True):
    text = json.dumps({"mounts": list(mounts)} if wrap else list(mounts))
    with open(t.path("mounts.json"), "w", encoding="utf-8") as f:
        f.write(text)
    return t.skiff("mounts", what, c.id, t.path("mounts.json"))


def add(t, c, *mounts):
    result = change(t, c, "add", *mounts)
    t.equal(result.rc, 0, result.err)


def writable(t, config=None):
    """a running container with a root file system of its own that can be written to"""
    config = config or t.config()
    config["root"]["readonly"] = False
    rootfs = t.rootfs()
    return t.sleeper(config, rootfs=rootfs), rootfs


def points(c):
    return [m.point for m in kernel.mountinfo(c.pid)]


def source(t):
    path = t.path("source")
    os.mkdir(path)
    with open(path + "/file", "w", encoding="utf-8") as f:
        f.write("bound\n")
    return path


@needs("root")
def test_add_and_remove(t):
    """binds and new file systems appear in the running container with their options, and go again"""
    c, rootfs = writable(t)
    path, before = source(t), points(c)
    host = [m[1:] for m in kernel.mountinfo()]
    add(t, c, bind(path, "/new/deep/dir", "ro", "nosuid"), bind(path + "/file", "/etc/new"),
        mount("/home", "tmpfs", "x", ["size=64k", "mode=711", "noexec"]),
        mount("/home/q", "mqueue"))
    t.equal(points(c), before + ["/new/deep/dir", "/etc/new", "/home", "/home/q"])
    found = kernel.mount_at(c.pid, "/new/deep/dir")
    t.true({"ro", "nosuid"} <= set(found.options) and not found.optional, f"{found}")
    found = kernel.mount_at(c.pid, "/home")
    t.true("noexec" in found.options and "size=64k" in found.superopts, f"{found}")
    t.equal(c.sh("cat /new/deep/dir/file /etc/new; stat -c %a /home").out, "bound\nbound\n711\n")
    t.true(stat.S_ISREG(os.stat(rootfs + "/etc/new").st_mode), "mount point")
    for result in (change(t, c, "remove", {"destination": "/new/deep/dir"},
                          {"destination": "/home"}, {"destination": "/home/q"}),
                   change(t, c, "remove", {"destination": "etc/new"}, wrap=False)):
        t.equal(result.rc, 0, result.err)
    t.equal(points(c), before)
    t.equal([m[1:] for m in kernel.mountinfo()], host, "the host's mounts")


@needs("root")
def test_states(t):
    """a created and a paused container take mounts, a stopped one and an unknown one do not"""
    path = source(t)
    config = t.config("/bin/cat", "/mnt/file")
    c = t.create(config)
    add(t, c, bind(path, "/mnt"))
    t.true(kernel.mount_at(c.pid, "/mnt"), "not mounted")
    c.kill()
    c.wait_stopped()
    t.fails(change(t, c, "add", bind(path, "/mnt")), "container not running", rc=1)
    c.delete()
    t.fails(change(t, c, "add", bind(path, "/mnt")), "does not exist", rc=1)


@needs("root")
def test_the_list_alone(t):
    """the file may be crun's form, a list; or come from stdin"""
    c, _ = writable(t)
    text = json.dumps([bind(source(t), "/mnt")])
    t.equal(t.skiff("mounts", "add", c.id, "-", input=text).rc, 0)
    t.true(kernel.mount_at(c.pid, "/mnt"), "not mounted")
    t.equal(t.skiff("mounts", "remove", c.id, "/dev/stdin", input=text).rc, 0)
    t.equal(kernel.mount_at(c.pid, "/mnt"), None)


@needs("root")
def test_user_namespace(t):
    """in a user namespace new file systems belong to it, binds can be idmapped by it"""
    c, rootfs = writable(t, add_user_namespace(t.config()))
    os.chmod(t.dir, 0o755)
    path = source(t)
    add(t, c, mount("/home", "tmpfs", "x", ["mode=755"]), bind(path, "/mnt"))
    t.equal(c.sh("touch /home/x && stat -c '%u %g' /home /home/x /mnt/file").out.split("\n")[:3],
            ["0 0", "0 0", "65534 65534"])
    t.true(os.path.isdir(rootfs + "/mnt"), "rootfs")
    result = change(t, c, "add", bind(path, "/var", "idmap"))
    if result.rc:
        t.contains(result.err, "cannot be idmapped")
    else:
        t.equal(c.sh("stat -c %u /var/file").out, "0\n")
    t.equal(change(t, c, "remove", {"destination": "/mnt"}).rc, 0)
    t.equal(kernel.mount_at(c.pid, "/mnt"), None)


@needs("root")
def test_copied_link(t):
    """copy-symlink makes a link in the running container"""
    c, _ = writable(t)
    os.symlink("a/b", t.path("link"))
    add(t, c, bind(t.path("link"), "/etc/link", "copy-symlink"))
    t.equal(c.sh("readlink /etc/link").out, "a/b\n")


@needs("root")
def test_links_stay_inside(t):
    """links of the container lead from its root, so nothing is made or mounted on the host"""
    c, _ = writable(t)
    canary, path = t.path("canary"), source(t)
    os.mkdir(canary)
    host = [m[1:] for m in kernel.mountinfo()]
    t.equal(c.sh(f"ln -s {canary} /abs; ln -s /../../../../../..{canary} /up; "
                 f"ln -s /proc/1/root{canary} /magic; ln -s /loop /loop; "
                 "mkdir /real; ln -s real /ok").rc, 0)
    for where in ("/abs/x", "/up/x", "/abs", "/up", "/magic/x", "/loop/x", "/../../abs/y",
                  "/proc/self/root/x", "/proc/self/cwd", "/proc/self/fd/3"):
        t.note(where)
        for one in (bind(path, where), mount(where, "tmpfs"), bind(path + "/file", where + "f")):
            change(t, c, "add", one)
        t.equal(os.listdir(canary), [], "made on the host")
        t.equal([m[1:] for m in kernel.mountinfo()], host, "the host's mounts")
    add(t, c, bind(path, "/ok"))
    t.true(kernel.mount_at(c.pid, "/real"), "a link inside is followed")
    t.equal(change(t, c, "remove", {"destination": "/ok"}).rc, 0)
    t.equal(kernel.mount_at(c.pid, "/real"), None)


@needs("root")
def test_path_led_to_another_mount(t):
    """remove takes only what was added: the container may have led the path to a mount that
    keeps it in"""
    c, _ = writable(t)
    path = source(t)
    t.equal(c.sh("mkdir -p /vol/data").rc, 0)
    add(t, c, bind(path, "/vol/data"))
    before = points(c)
    t.equal(c.sh("mv /vol /old && mkdir /vol && ln -s /proc/sys /vol/data").rc, 0)
    t.fails(change(t, c, "remove", {"destination": "/vol/data"}), "another mount", rc=1)
    t.equal(len(points(c)), len(before), "mounts")
    t.true(kernel.mount_at(c.pid, "/proc/sys"), "/proc/sys is no mount any more")
    t.equal(c.sh("rm /vol/data && rmdir /vol && mv /old /vol").rc, 0)
    t.equal(change(t, c, "remove", {"destination": "/vol/data"}).rc, 0)
    t.equal(kernel.mount_at(c.pid, "/vol/data"), None)


def with_volume(t, *words):
    """a running container with a volume at /data/vol that the host shares, and its directory"""
    config, volume = t.config(), t.path("volume")
    os.mkdir(volume)
    config["mounts"].append(bind(volume, "/data/vol", *words))
    return writable(t, config)[0], volume


@needs("root")
def test_led_into_a_volume(t):
    """a link, or a directory that was moved, leads nothing into a volume that the caller did not name:
    neither directories nor mounts"""
    c, volume = with_volume(t)
    path, before = source(t), points(c)
    for trick in ("ln -s data/vol /way", "ln -s /data/vol /way", "mkdir /way; ln -s ../data/vol/. /way/x",
                  "ln -s loop/../data /way; mkdir /loop", "cp -a /data/vol /way; mv /data /way/x",
                  "mkdir /way /way/x; ln -s / /way/x/deep"):
        t.equal(c.sh(trick).rc, 0, trick)
        place = next(m.point for m in kernel.mountinfo(c.pid) if m.point.endswith("/vol"))
        for one in (bind(path, "/way/x/deep/data/vol/made"), bind(path, "/way/x/vol/deep"),
                    bind(path, "/way/x"), bind(path + "/file", "/way/file"),
                    mount("/way/x/vol", "tmpfs"), mount("/way/vol/deep", "tmpfs")):
            change(t, c, "add", one)
            t.equal(os.listdir(volume), [], f"made in the volume: {trick}, {one}")
            found = kernel.mountinfo(c.pid)
            own = next(m for m in found if m.point == place)
            t.equal([m.point for m in found if m.parent == own.id], [], "mounted in the volume")
            change(t, c, "remove", one)
        c.sh("[ -e /data ] || mv /way/x /data; rm -rf /way /loop")
    t.equal(points(c), before, "what is mounted")


@needs("root")
def test_named_volume(t):
    """below a volume that the destination names mounts are made as ever, and on it"""
    c, volume = with_volume(t)
    path = source(t)
    add(t, c, bind(path, "/data/vol/new/dir"), mount("/data/vol/new/dir2", "tmpfs"),
        mount("/dev/shm/x", "tmpfs"), mount("/data/vol/new/dir2/deep", "tmpfs"))
    t.equal(sorted(os.listdir(volume + "/new")), ["dir", "dir2"])
    t.equal(c.sh("ls /data/vol/new/dir; ls /data/vol/new/dir2").out.split(), ["file", "deep"])
    add(t, c, mount("/data/vol/new/dir2/deep/er", "tmpfs"), mount("/data/vol", "tmpfs"))
    t.equal(c.sh("ls -A /data/vol").out, "", "what covers the volume")


@needs("root")
def test_links_in_a_volume(t):
    """in a volume no link is followed, and a volume that was moved away is missed: it is said why"""
    c, volume = with_volume(t)
    path = source(t)
    os.symlink("/etc", volume + "/out")
    os.mkdir(volume + "/real")
    t.fails(change(t, c, "add", bind(path, "/data/vol/out/x")), "no link is followed", rc=1)
    t.equal(c.sh("mv /data /data2; mkdir -p /data/vol").rc, 0)
    t.fails(change(t, c, "add", bind(path, "/data/vol/x")), "no longer where it was", rc=1)
    t.equal(c.sh("ls -A /data/vol").out, "")


@needs("root")
def test_false_proc(t):
    """a container that puts something else on its /proc gains nothing"""
    config = inside.set_capabilities(t.config(), "SYS_ADMIN")
    c, _ = writable(t, config)
    path = source(t)
    t.equal(c.sh("mount -t tmpfs x /proc && mkdir -p /proc/self/fd /proc/thread-self && "
                 "for i in 0 1 2 3 4 5 6 7 8 9 10 11 12; do ln -s /bin /proc/self/fd/$i; "
                 "done").rc, 0)
    add(t, c, bind(path, "/mnt", "ro", "private"), mount("/home", "tmpfs", "x", ["silent"]))
    t.true("ro" in kernel.mount_at(c.pid, "/mnt").options, "/mnt")
    t.equal(change(t, c, "remove", {"destination": "/mnt"}, {"destination": "/home"}).rc, 0)
    t.equal((kernel.mount_at(c.pid, "/mnt"), kernel.mount_at(c.pid, "/bin"),
             kernel.mount_at(c.pid, "/home")), (None, None, None))


@needs("root")
def test_swapped_while_mounting(t):
    """a container that swaps a directory for a link all the time gets nothing on the host"""
    c, rootfs = writable(t)
    canary, path = t.path("canary"), source(t)
    os.mkdir(canary)
    # exchange() as a loop of renames, outside of the container for speed
    swapper = t.spawn("sh", "-c", f'cd {rootfs} && mkdir -p v/x && ln -s {canary} l && while :; do '
                      'mv -T v/x t1 && mv -T l v/x; mv -T v/x l; mv -T t1 v/x; done 2>/dev/null')
    for _ in range(25):
        change(t, c, "add", bind(path, "/v/x/deep/dir"), bind(path + "/file", "/v/x/f"))
        change(t, c, "remove", {"destination": "/v/x/deep/dir"}, {"destination": "/v/x/f"})
    swapper.kill()
    t.equal(os.listdir(canary), [], "made on the host")
    t.equal([m for m in kernel.mountinfo() if m.point.startswith(canary)], [])


@needs("root")
def test_hosts_mount_namespace(t):
    """a container that shares the host's mounts is refused: they would be changed"""
    config = t.config("/bin/sleep", "100000")
    for ns in config["linux"]["namespaces"]:
        if ns["type"] == "mount":
            ns["path"] = "/proc/self/ns/mnt"
    for key in ("maskedPaths", "readonlyPaths"):
        config["linux"].pop(key)
    c = t.background(config)
    host = [m[1:] for m in kernel.mountinfo()]
    t.fails(change(t, c, "add", mount("/mnt", "tmpfs")), "no mount namespace of its own", rc=1)
    t.fails(change(t, c, "remove", {"destination": "/tmp"}), "no mount namespace of its own", rc=1)
    t.equal([m[1:] for m in kernel.mountinfo()], host)


@needs("root")
def test_all_or_none(t):
    """when one mount fails, those before it are taken away again"""
    c, _ = writable(t)
    path, before = source(t), points(c)
    for last, words in ((mount("/var", "tmpfs", "x", ["size=what"]), "mounts[2]"),
                        (bind(path + "/file", "/home"), "mounts[2].destination"),
                        (bind("/no/such", "/home"), "mounts[2].source"),
                        (mount("/var", "nosuchfs"), "mounts[2]")):
        t.note(words)
        result = change(t, c, "add", bind(path, "/mnt"), mount("/mnt/deep/x", "tmpfs"), last)
        t.fails(result, words, rc=1)
        t.equal(points(c), before)


@needs("root")
def test_refused(t):
    """what cannot be meant, or would be the host's, is refused by name"""
    c, _ = writable(t)
    before = points(c)
    for what, mounts, words in (
            ("add", [mount("/mnt", "proc")], "with the container only"),
            ("add", [mount("/mnt", "cgroup2")], "with the container only"),
            ("add", [mount("/mnt", "ext4", "/dev/vda")], "bind it"),
            ("add", [mount("/mnt", "overlay", "x", ["lowerdir=/etc"])], "bind it"),
            ("add", [mount("/mnt", "none", "x", ["remount", "ro"])], "remove it and add it anew"),
            ("add", [bind("/etc", "/")], "the root"),
            ("remove", [{"destination": "/"}], "the root"),
            ("remove", [{"destination": "/bin"}], "nothing was mounted on"),
            ("remove", [{"destination": "/nowhere"}], "nothing was mounted on"),
            ("remove", [{"type": "tmpfs"}], "\"destination\" is missing"),
            ("change", [], "mounts add")):
        t.note(words)
        t.fails(change(t, c, what, *mounts), words, rc=1)
        t.equal(points(c), before)
    for text, words in (("{}", "mounts"), ("[", "line"), ("7", ""), ('{"mounts": 7}', "mounts")):
        t.note(text)
        t.fails(t.skiff("mounts", "add", c.id, "-", input=text), words, rc=1)
    t.fails(t.skiff("mounts", "add", c.id, "/no/such/file"), "/no/such/file", rc=1)
    t.equal(change(t, c, "add").rc, 0, "an empty list")


@needs("root")
def test_nothing_is_left(t):
    """no process, no descriptor of the host in the container, no mount point's mode by our umask"""
    c, rootfs = writable(t)
    path = source(t)
    children = set(kernel.descendants(os.getpid()))
    t.command("sh", "-c", f'umask 077; exec "$@" {c.id} -', "sh", t.binary, "--root", t.root,
              "mounts", "add", input=json.dumps([bind(path, "/made/by/us")]))
    t.equal(stat.S_IMODE(os.stat(rootfs + "/made/by").st_mode), 0o755)
    t.equal(set(kernel.descendants(os.getpid())) - children, set())
    t.equal(c.sh("ls /proc | grep -c '^[0-9]'").out.strip().isdigit(), True)


@needs("root", "freezer")
def test_frozen(t):
    """a frozen container takes mounts: nothing of it has to run"""
    c, _ = writable(t)
    frozen = kernel.cgroup_dirs(c.pid)["freezer"] + "/freezer.state"
    with open(frozen, "w", encoding="utf-8") as f:
        f.write("FROZEN")
    try:
        add(t, c, bind(source(t), "/mnt"))
        t.true(kernel.mount_at(c.pid, "/mnt"), "not mounted")
    finally:
        with open(frozen, "w", encoding="utf-8") as f:
            f.write("THAWED")


@needs("root")
def test_help(t):
    """mounts --help tells what the file is"""
    result = t.skiff("mounts", "--help")
    t.equal(result.rc, 0, result.err)
    t.contains(result.out, "add|remove CONTAINER FILE")
