"""Changes of a config by JSON path, and the cases of tests/fixtures/broken/."""
import copy
import json
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(os.path.dirname(HERE), "fixtures", "broken")


def parts_of(path):
    """"linux.namespaces[2].type" -> ["linux", "namespaces", 2, "type"]; "[+]" is the end"""
    found = []
    for name, index in re.findall(r"([A-Za-z_][A-Za-z0-9_]*)|\[(\d+|\+)\]", path):
        found.append(name or (index if index == "+" else int(index)))
    return found


def parent_of(config, parts):
    for part in parts[:-1]:
        config = config.setdefault(part, {}) if isinstance(config, dict) else config[part]
    return config


def change(config, path, value):
    """set what stands at the path"""
    parts = parts_of(path)
    parent = parent_of(config, parts)
    if parts[-1] == "+":
        parent.append(copy.deepcopy(value))
    else:
        parent[parts[-1]] = copy.deepcopy(value)


def remove(config, path):
    parts = parts_of(path)
    del parent_of(config, parts)[parts[-1]]


def apply(config, case):
    """the config (or text) of a case"""
    if "raw" in case:
        return case["raw"]
    if "hex" in case:
        return bytes.fromhex(case["hex"])
    for path, value in case.get("set", {}).items():
        change(config, path, value)
    for path in case.get("delete", ()):
        remove(config, path)
    if not isinstance(config.get("root"), dict):
        return json.dumps(config)  # nothing for bundle.py to put a path into
    return config


def cases(name):
    with open(f"{CASES}/{name}.json", encoding="utf-8") as f:
        return json.load(f)


def lacking(text, expected):
    """the parts that the text does not have; "a|b" is met by one of both"""
    return [part for part in expected
            if not any(word in text for word in part.split("|"))]
