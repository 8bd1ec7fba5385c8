"""linux.resources and cgroupsPath: what the kernel's files say, in every view."""
import os

import inside
import kernel
import views
from harness import needs

MB = 1 << 20


def resources(t, **more):
    config = t.config()
    config["linux"]["resources"].update(more)
    return config


def is_v1(c, controller):
    return controller in kernel.cgroup_dirs(c.pid)


def value(c, controller, v1_file, v2_file=None):
    return kernel.cgroup_value(c.pid, controller, v1_file, v2_file)


def own_dirs(t, pid):
    """the process's cgroups that are the container's own: of all hierarchies that matter"""
    return {path for path in kernel.cgroup_dirs(pid).values() if t.mark in path}


@needs("root")
def test_own_cgroup(t):
    """a container without limits has a cgroup of its own, named after it, in every hierarchy"""
    config = t.config()
    del config["linux"]["resources"]
    c = t.sleeper(config)
    for name, path in kernel.cgroup_dirs(c.pid).items():
        if not name.startswith("name="):
            t.contains(path, c.id, f"cgroup of {name or 'v2'}")
            t.equal(kernel.read(path + "/cgroup.procs").split(), [str(c.pid)], path)


def cover_cgroups(*points):
    """mount a tmpfs over /sys/fs/cgroup, and hierarchies below it: (directory, type, options)"""
    views.mount("none", "/sys/fs/cgroup", "tmpfs", 0)
    for name, fstype, options in points:
        os.mkdir(f"/sys/fs/cgroup/{name}")
        views.mount("none", f"/sys/fs/cgroup/{name}", fstype, 0, options)


@needs("root")
def test_covered_hierarchies(t):
    """hierarchies whose mounts are covered by others are used where they are seen: cgroup2 alone, v1
    alone, both"""
    hierarchies = dict(line.split("\t")[:2] for line in kernel.read("/proc/cgroups").splitlines())
    v1 = "pids" if hierarchies["pids"] != "0" else "net_cls"  # which cgroup2 never has
    # A mount of cgroup2 changes the options of all others.
    options = next((m.superopts for m in kernel.mountinfo() if m.fstype == "cgroup2"), ["rw"])
    kinds = {"": ("unified", "cgroup2", ",".join(options[1:])), v1: (v1, "cgroup", v1)}
    for seen in ("",), (v1,), ("", v1):
        t.note(seen)
        cover_cgroups(*(kinds[key] for key in seen))
        c = t.sleeper()
        dirs = {key: path for key, path in kernel.cgroup_dirs(c.pid).items() if c.id in path}
        t.equal(sorted(dirs), sorted(seen))
        for key, path in dirs.items():
            t.true(path.startswith(f"/sys/fs/cgroup/{kinds[key][0]}/"), path)
            t.equal(kernel.read(path + "/cgroup.procs").split(), [str(c.pid)], path)
        c.delete("--force")
        t.equal([path for path in dirs.values() if os.path.exists(path)], [], "left behind")
        for key in (*seen, None):
            views.unmount("/sys/fs/cgroup" + (f"/{kinds[key][0]}" if key is not None else ""))


@needs("root")
def test_created_is_inside(t):
    """init is in the cgroup before the payload begins"""
    c = t.create()
    t.true(own_dirs(t, c.pid), f"cgroups: {kernel.cgroup_dirs(c.pid)}")


@needs("root", "memory")
def test_memory(t):
    """limit, reservation and swap (v1: memory and swap together)"""
    c = t.sleeper(resources(t, memory={"limit": 64 * MB, "reservation": 32 * MB,
                                       "swap": 96 * MB}))
    t.equal(value(c, "memory", "memory.limit_in_bytes", "memory.max"), str(64 * MB))
    t.equal(value(c, "memory", "memory.soft_limit_in_bytes", "memory.low"), str(32 * MB))
    if is_v1(c, "memory"):
        if os.path.exists(kernel.cgroup_dirs(c.pid)["memory"] + "/memory.memsw.limit_in_bytes"):
            t.equal(value(c, "memory", "memory.memsw.limit_in_bytes"), str(96 * MB))
    else:
        t.equal(value(c, "memory", "", "memory.swap.max"), str(32 * MB))


@needs("root", "memory")
def test_memory_unlimited(t):
    """-1 is no limit"""
    c = t.sleeper(resources(t, memory={"limit": -1, "swap": -1}))
    found = value(c, "memory", "memory.limit_in_bytes", "memory.max")
    t.true(found == "max" or int(found) > 1 << 60, f"limit {found}")


@needs("root", "memory")
def test_memory_limit_holds(t):
    """a payload that needs more than its limit is killed, one that needs less is not"""
    script = "head -c {} /dev/zero | tail -c {} >/dev/null; echo $?"
    limits = {"limit": 24 * MB, "swap": 24 * MB}
    small = t.sh(script.format(4 * MB, 4 * MB), resources(t, memory=limits))
    t.equal(small.out, "0\n", "4 MB")
    large = t.sh(script.format(64 * MB, 64 * MB), resources(t, memory=limits))
    t.true(large.out != "0\n", f"64 MB in 24: {large}")


@needs("root", "memory")
def test_memory_of_init(t):
    """what is charged to a container before its program runs: at most 1 MiB; half of that is
    limit enough to start in"""
    c = t.create()
    value_of = [value(c, "memory", "memory.usage_in_bytes", "memory.current")]
    if is_v1(c, "memory"):
        value_of.append(value(c, "memory", "memory.max_usage_in_bytes"))
    t.true(max(int(text) for text in value_of) <= MB, f"charged: {value_of}")
    c = t.create(resources(t, memory={"limit": MB // 2, "swap": MB // 2}))
    c.start()
    t.wait_until(lambda: kernel.has_executed(c.pid), what="the payload")


@needs("root", "cpu")
def test_cpu(t):
    """quota and period; shares become a weight on v2"""
    c = t.sleeper(resources(t, cpu={"quota": 40000, "period": 80000, "shares": 1024}))
    if is_v1(c, "cpu"):
        t.equal([value(c, "cpu", f"cpu.{name}") for name in
                 ("cfs_quota_us", "cfs_period_us", "shares")], ["40000", "80000", "1024"])
    else:
        t.equal(value(c, "cpu", "", "cpu.max"), "40000 80000")
        t.equal(value(c, "cpu", "", "cpu.weight"), "100", "weight of the default shares")


@needs("root", "cpu")
def test_cpu_shares(t):
    """the ends of the range of shares are the ends of the range of weights"""
    for shares, weight in ((2, 1), (262144, 10000)):
        c = t.sleeper(resources(t, cpu={"shares": shares}))
        t.equal(value(c, "cpu", "cpu.shares", "cpu.weight"),
                str(shares if is_v1(c, "cpu") else weight))


@needs("root", "cpu")
def test_cpu_quota_alone(t):
    """a quota without a period is one of the kernel's period; -1 is none"""
    for quota, v1, v2 in ((30000, "30000", "30000 100000"), (-1, "-1", "max 100000")):
        c = t.sleeper(resources(t, cpu={"quota": quota}))
        t.equal(value(c, "cpu", "cpu.cfs_quota_us", "cpu.max"), v1 if is_v1(c, "cpu") else v2)


@needs("root", "cpuset")
def test_cpuset(t):
    """the payload runs on the configured processors and memory nodes"""
    c = t.sleeper(resources(t, cpu={"cpus": "0", "mems": "0"}))
    t.equal([value(c, "cpuset", "cpuset.cpus"), value(c, "cpuset", "cpuset.mems")], ["0", "0"])
    t.equal(kernel.status(c.pid)["Cpus_allowed_list"], "0")
    t.equal(kernel.status(t.sleeper().pid)["Cpus_allowed_list"],
            kernel.status("self")["Cpus_allowed_list"], "without cpus")


@needs("root", "pids")
def test_pids(t):
    """the limit of tasks; -1 is none"""
    for limit, text in ((33, "33"), (-1, "max")):
        c = t.sleeper(resources(t, pids={"limit": limit}))
        t.equal(value(c, "pids", "pids.max"), text)
        t.equal(value(c, "pids", "pids.current"), "1")


@needs("root", "pids")
def test_pids_limit_holds(t):
    """a payload cannot fork beyond the limit"""
    script = "for n in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo all"
    t.equal(t.sh(script, resources(t, pids={"limit": 20})).out, "all\n")
    t.equal(t.sh(script, resources(t, pids={"limit": 5})).out, "")


@needs("root", "hugetlb")
def test_hugetlb(t):
    """hugepageLimits reach the file of their page size"""
    c = t.sleeper(resources(t, hugepageLimits=[{"pageSize": "2MB", "limit": 8 * MB}]))
    t.equal(value(c, "hugetlb", "hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max"), str(8 * MB))


@needs("root", "v2")
def test_unified(t):
    """unified: files of the v2 cgroup by name"""
    if kernel.cgroup_mounts().get("") != "/sys/fs/cgroup":
        t.skip("hybrid")
    available = kernel.read("/sys/fs/cgroup/cgroup.controllers").split()
    files = {"pids": ("pids.max", "44"), "memory": ("memory.high", str(32 * MB)),
             "hugetlb": ("hugetlb.2MB.max", str(6 * MB)), "cpu": ("cpu.weight", "77")}
    wanted = dict(files[name] for name in files if name in available)
    wanted["cgroup.max.descendants"] = "9"
    c = t.sleeper(resources(t, unified=wanted))
    t.equal({name: value(c, "", name) for name in wanted}, wanted)


@needs("root", "v2")
def test_unified_unknown(t):
    """a file that does not exist, or a name with a slash, is refused with its JSON path"""
    if kernel.cgroup_mounts().get("") != "/sys/fs/cgroup":
        t.skip("hybrid")
    for name in ("no.such.file", "../cgroup.procs", "sub/file"):
        t.fails(t.run(resources(t, unified={name: "1"})), "linux.resources.unified", rc=1)


def remove_parents(t):
    """parents of a configured path are the engine's: they may stay"""
    for point in set(kernel.cgroup_mounts().values()):
        if os.path.isdir(f"{point}/{t.mark}-parent"):
            os.rmdir(f"{point}/{t.mark}-parent")


@needs("root")
def test_absolute_path(t):
    """cgroupsPath is the place below the hierarchies' roots"""
    config = t.config()
    config["linux"]["cgroupsPath"] = f"/{t.mark}-parent/{t.mark}-own"
    c = t.sleeper(config)
    found = own_dirs(t, c.pid)
    t.true(found, "no cgroup")
    for path in found:
        t.true(path.endswith(config["linux"]["cgroupsPath"]), path)
    c.delete("--force")
    t.equal([path for path in found if os.path.exists(path)], [], "cgroups left")
    remove_parents(t)


@needs("root")
def test_shared_parent(t):
    """two containers below one parent: the first one's end leaves the second alone"""
    containers = []
    for name in ("one", "two"):
        config = t.config()
        config["linux"]["cgroupsPath"] = f"/{t.mark}-parent/{t.mark}-{name}"
        containers.append(t.sleeper(config))
    first, second = containers
    first.delete("--force")
    t.true(kernel.is_alive(second.pid), "the second died with the first")
    t.true(all(os.path.isdir(path) for path in own_dirs(t, second.pid)), "its cgroups are gone")
    second.delete("--force")
    remove_parents(t)


@needs("root")
def test_dots_in_path(t):
    """a cgroupsPath cannot lead out of the hierarchy"""
    for path in (f"/../../../{t.mark}-x", f"/{t.mark}/../../x", ".."):
        config = t.config()
        config["linux"]["cgroupsPath"] = path
        t.fails(t.run(config), "linux.cgroupsPath", rc=1)


@needs("root")
def test_removed_with_children(t):
    """cgroups that the container made below its own go with it"""
    config = t.config("/bin/sh", "-c", "cd /sys/fs/cgroup; [ -d pids ] && cd pids\n"
                      "mkdir -p a/b/c d && echo made >/mnt/log; sleep 100000")
    config["linux"]["namespaces"].append({"type": "cgroup"})
    config["mounts"][-1]["options"].remove("ro")
    log = inside.share(t, config) + "/log"
    c = t.background(config)
    t.wait_until(lambda: inside.lines(log) == ["made"], what="the payload's cgroups")
    dirs = own_dirs(t, c.pid)
    t.true(any(os.path.isdir(path + "/a/b/c") for path in dirs), f"none below {dirs}")
    c.delete("--force")
    t.equal([path for path in dirs if os.path.exists(path)], [], "cgroups left")


@needs("root")
def test_manager_disabled(t):
    """--cgroup-manager=disabled leaves the container in the caller's cgroup, and that as it is:
    a device program there would be about the whole machine"""
    point = kernel.cgroup_mounts().get("")
    before = kernel.device_programs(point) if point else 0
    path, pid_file = t.bundle(t.config("/bin/sleep", "100000")), t.path("pid")
    t.command(t.binary, "--root", t.root, "--cgroup-manager=disabled", "run", "--detach",
              "--bundle", path, "--pid-file", pid_file, t.new_id())
    pid = int(kernel.read(pid_file))
    t.equal(kernel.cgroup_dirs(pid), kernel.cgroup_dirs("self"))
    t.equal(kernel.device_programs(point) if point else 0, before, "device programs of the root")


@needs("root", "v2")
def test_occupied(t):
    """a cgroup that has processes already is not taken over: its limits are another's"""
    c = t.sleeper()
    config = t.config()
    path = kernel.cgroup_dirs(c.pid)[""]
    config["linux"]["cgroupsPath"] = path.removeprefix(kernel.cgroup_mounts()[""])
    result = t.run(config)
    t.fails(result, rc=1)
    t.true(kernel.is_alive(c.pid), "the owner died")
