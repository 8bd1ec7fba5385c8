#!/usr/bin/env python3
"""coverage.py [--missing] [MKMAN]: every property of config.json, every word and mount option,
every command, option and annotation has a row in coverage.md, and every row names tests that
exist.  --missing prints the rows that lack, to be filled in.

What there is comes from the program's own tables (skiff-mkman --list), so that nothing new is
forgotten.  Needs no root.  Exit status: 0, 1 = faults, 77 = no skiff-mkman (cross-compiling)."""
import glob
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TABLE = f"{HERE}/coverage.md"
VIEWS = {"hybrid", "v1", "v2", "vm"}
WHERE = VIEWS | {"all", "plan"}
# In which views a test with such a need can run: with version 2 alone, the machines that we
# develop on have most controllers in the virtual machine only.
CAN = {"v1": {"hybrid", "v1"}, "v2": {"v2", "vm"}, "hybrid": {"hybrid"}, "v1only": {"v1"},
       "vm": {"vm"}, "systemd": {"vm"}, "native": VIEWS - {"vm"}, "hugetlb": {"v2", "vm"},
       "io": {"vm"}, "blkio": {"hybrid", "v1"}, "devices": {"hybrid", "v1"},
       **{name: {"hybrid", "v1", "vm"} for name in ("cpu", "cpuset", "memory", "pids")}}
ANNOTATION = re.compile(r'"((?:run\.oci|org\.(?:opencontainers|systemd|criu)|io\.(?:github|kubernetes|podman))\.[\w./-]*)')


def split(line):
    """the subjects that one line of the list stands for"""
    kind, name = line.split(" ", 1)
    if name.startswith("linux.resources."):
        return [f"{line} (v1)", f"{line} (v2)"]
    if name.startswith("linux.namespaces[].type="):
        word = name.split("=")[1]
        return [f"namespace {word} new", f"namespace {word} joined"]
    return [line]


def subjects(mkman):
    """all that must have a row, in order"""
    found = []
    listed = subprocess.run([mkman, "--list"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        found += split(line)
    for path in sorted(glob.glob(f"{os.path.dirname(HERE)}/src/*/*.c")):
        with open(path, encoding="utf-8") as f:
            found += [f"annotation {key}" for key in ANNOTATION.findall(f.read())]
    return list(dict.fromkeys(found))


def integration_tests():
    """{"cgroups.test_memory": the views where it can run}"""
    found = {}
    for place in ("integration", "engines"):
        listed = subprocess.run([sys.executable, f"{HERE}/integration/run.py", "--list", "--dir",
                                 f"{HERE}/{place}"], capture_output=True, text=True,
                                check=True).stdout
        for line in listed.splitlines():
            name, *words = line.split()
            found[name] = VIEWS.intersection(*(CAN.get(word, VIEWS) for word in words))
    return found


def unit_tests():
    """{"unit/spec.bad_configs", ..}: functions of tests/unit/test_spec.c"""
    found = set()
    for path in glob.glob(f"{HERE}/unit/test_*.c"):
        with open(path, encoding="utf-8") as f:
            names = re.findall(r"cmocka_unit_test\w*\(\s*(\w+)", f.read())
        found |= {f"unit/{os.path.basename(path)[5:-2]}.{name}" for name in names}
    return found


def rows():
    """[(line number, subject, words of where, names of tests), ..]; a line "- SUBJECT" tells
    that a test is still to be written"""
    found = []
    with open(TABLE, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if line.startswith("- "):
                found.append((number, line[2:].strip(), None, None))
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("| ") and cells[0] != "what":
                cells += [""] * (3 - len(cells))
                found.append((number, cells[0], cells[1].split(), cells[2].split()))
    return found


def check_row(where, tests, views, others):
    """what is wrong with a row's columns"""
    if not where or not tests:
        return ["an empty column: say where it is tested, and by which tests"]
    faults = [f"{word}: not one of {' '.join(sorted(WHERE))}" for word in where
              if word not in WHERE]
    possible = set()
    for test in tests:
        if test in views:
            possible |= views[test]
        elif test not in others:
            faults.append(f"{test}: there is no such test")
    plan_only = [test for test in tests if test in others]
    claimed = (VIEWS if "all" in where else set()) | (set(where) & VIEWS)
    if claimed - possible:
        faults.append(f"no test of the row can run in {' '.join(sorted(claimed - possible))}")
    if "plan" in where and not plan_only:
        faults.append("plan: names no golden/CASE and no unit/FILE.FUNCTION")
    return faults


def main():
    names = [a for a in sys.argv[1:] if not a.startswith("--")]
    mkman = names[0] if names else "./skiff-mkman"
    if not os.path.exists(mkman):
        print(f"{mkman} is missing: nothing to compare with")
        return 77
    expected = subjects(mkman)
    views = integration_tests()
    others = unit_tests() | {f"golden/{name}" for name in os.listdir(f"{HERE}/golden/cases")}
    faults, seen = [], set()
    for number, subject, where, tests in rows():
        at = f"{os.path.relpath(TABLE)}:{number}: {subject}: "
        if subject in seen:
            faults.append(f"{at}has two rows")
        elif subject not in expected:
            faults.append(f"{at}no table of the program has this")
        seen.add(subject)
        if where is not None:
            faults += [at + fault for fault in check_row(where, tests, views, others)]
    lacking = [subject for subject in expected if subject not in seen]
    if "--missing" in sys.argv:
        print("\n".join(f"| {subject} | | |" for subject in lacking))
        return 0
    faults += [f"{subject}: no row in tests/coverage.md: write a test that looks at the kernel's "
               "side and name it there" for subject in lacking]
    print("\n".join(faults) or f"{len(expected)} rows, {len(views)} tests")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
