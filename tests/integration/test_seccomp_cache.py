"""The cache of compiled filters in the state root: used again, never trusted blindly."""
import os
import stat

import inside
from harness import needs, tag


def profile(t, number, action="SCMP_ACT_ERRNO"):
    """a config whose mkdir fails with errno `number`"""
    config = inside.add_tmpfs(t.config(), "/mnt")
    config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
        {"names": ["mkdir", "mkdirat"], "action": action, "errnoRet": number}]}
    return config


def enforced(t, number):
    """run the profile of `number`; whether mkdir was refused with that number"""
    result = t.sh("mkdir /mnt/x 2>&1", profile(t, number))
    return f"Unknown error {number}" in result.out


def files(t):
    """what lies in the state root beyond containers: {path: (inode, size)}"""
    found = {}
    for where, _, names in os.walk(t.root):
        for name in names:
            st = os.lstat(f"{where}/{name}")
            found[f"{where}/{name}"] = (st.st_ino, st.st_size)
    return found


@needs("root")
def test_used_again(t):
    """the second run of a profile writes nothing: its filter is in the cache, which only the
    owner can read"""
    t.true(enforced(t, 1001), "first run")
    first = files(t)
    t.equal(len(first), 1, f"cached filters: {first}")
    t.true(enforced(t, 1001), "second run")
    t.equal(files(t), first)
    t.true(enforced(t, 1002), "another profile")
    t.equal(len(files(t)), 2, "cached filters")
    where = os.path.dirname(list(first)[0])
    t.equal(stat.S_IMODE(os.stat(where).st_mode), 0o700, "mode of the directory")


@needs("root")
def test_corrupt(t):
    """a broken file in the cache is replaced, and the profile is enforced"""
    t.true(enforced(t, 1001), "first run")
    path, = files(t)
    with open(path, "rb") as f:
        good = f.read()
    for what, bad in (("empty", b""), ("short", good[:len(good) // 2]), ("cut", good[:-8]),
                      ("long", good + bytes(8)), ("garbage", os.urandom(len(good))),
                      ("zeros", bytes(len(good))), ("huge", good + bytes(1 << 20)),
                      ("header only", good[:16])):
        with open(path, "wb") as f:
            f.write(bad)
        t.true(enforced(t, 1001), f"{what} file")


@needs("root")
def test_wrong_content(t):
    """the filter of another profile under this one's name is not used"""
    t.true(enforced(t, 1001), "first profile")
    first, = files(t)
    t.true(enforced(t, 1002), "second profile")
    second, = set(files(t)) - {first}
    with open(first, "rb") as source, open(second, "wb") as target:
        target.write(source.read())
    t.true(enforced(t, 1002), "second profile with the first one's file")


@needs("root")
def test_foreign_owner(t):
    """a file of another owner, or one that others may write, is not used"""
    t.true(enforced(t, 1001), "first profile")
    first, = files(t)
    t.true(enforced(t, 1002), "second profile")
    second, = set(files(t)) - {first}
    for owner, mode in ((1000, 0o600), (0, 0o666)):
        before = os.stat(second).st_ino
        with open(second, "rb") as f:
            good = f.read()
        with open(second, "wb") as f:
            f.write(good)
        os.chown(second, owner, 0)
        os.chmod(second, mode)
        t.true(enforced(t, 1002), f"owner {owner}, mode {mode:o}")
        after = os.stat(second)
        t.true(after.st_ino != before and after.st_uid == 0 and not after.st_mode & 0o022,
               f"owner {owner}, mode {mode:o}: the file is still the foreign one")


@needs("root")
def test_not_a_file(t):
    """a symbolic link, a FIFO or a directory in the file's place hinders nobody"""
    for make in (lambda path: os.symlink("/etc/passwd", path), os.mkfifo, os.mkdir):
        t.true(enforced(t, 1001), "before")
        path, = files(t)
        os.unlink(path)
        make(path)
        t.true(enforced(t, 1001), f"with {make}")
        t.equal(os.stat("/etc/passwd").st_mode & 0o022, 0)
        if os.path.isdir(path):
            os.rmdir(path)
        else:
            os.unlink(path)


@needs("root")
@tag("slow")
def test_bounded(t):
    """the cache holds at most 64 filters"""
    for number in range(2000, 2070):
        t.true(enforced(t, number), f"profile {number}")
    t.true(len(files(t)) <= 64, f"{len(files(t))} files")
