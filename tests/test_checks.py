"""What is left of a machine's memory, as a container and a process's own limit leave it."""

import math

import pytest

from nearopt import checks


def write_group(folder, version, *numbers):
    """Say a group's limit, what it uses, and what of that could be given back."""
    limit_name, usage_name, idle_name = checks.FILES[version]
    folder.mkdir(parents=True, exist_ok=True)
    texts = (f"{numbers[0]}\n", f"{numbers[1]}\n", f"anon 1\n{idle_name} {numbers[2]}\n")
    for name, text in zip((limit_name, usage_name, "memory.stat"), texts, strict=True):
        (folder / name).write_text(text)


@pytest.fixture
def groups(tmp_path, monkeypatch):
    monkeypatch.setattr(checks, "GROUPS", tmp_path / "cgroup")
    monkeypatch.setattr(checks, "CGROUP", tmp_path / "sys")
    return tmp_path


@pytest.mark.parametrize(
    ("version", "line"), [("", "0::/a/job"), ("memory", "9:cpu,cpuacct:/x\n4:memory:/a/job")]
)
def test_a_container_s_limit_counts_as_the_machine_s(groups, version, line):
    """Of the group and those around it the narrowest; what a cache holds can be given back."""
    (groups / "cgroup").write_text(f"{line}\n")
    root = groups / "sys" / version
    write_group(root / "a" / "job", version, 2**31, 2**29, 2**28)
    assert checks._container_room() == 2**31 - 2**29 + 2**28
    write_group(root / "b", version, 1, 1, 0)
    write_group(root / "a", version, 2**20, 2**19, 0)
    assert checks._container_room() == 2**19
    with pytest.raises(MemoryError, match=r"a job needs 1 GiB .* and 0.000488 GiB .*; wait"):
        checks.require_memory("a job", 2**30, "wait")


@pytest.mark.parametrize("limit", ["max", None])
def test_no_container_s_limit_is_none(groups, limit):
    """Nor where a machine has no groups."""
    assert checks._available() > 0
    (groups / "cgroup").write_text("0::/../elsewhere\n")
    if limit is not None:
        write_group(groups / "sys", "", limit, 5, 0)
    assert checks._container_room() == math.inf
    checks.require_memory("a job", 2**27, "wait")
