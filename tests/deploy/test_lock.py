"""`deploy/requirements.txt` is what pyproject.toml asks for; `make lock` writes it."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
WANTED = [
    Requirement(line)
    for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
]
LOCK = (ROOT / "deploy" / "requirements.txt").read_text()
LOCKED = {
    canonicalize_name(name): version
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE)
}


@pytest.mark.parametrize("wanted", WANTED, ids=lambda wanted: wanted.name)
def test_what_is_needed_is_locked(wanted: Requirement) -> None:
    version = LOCKED.get(canonicalize_name(wanted.name))
    assert version is not None
    assert wanted.specifier.contains(version)


def test_everything_locked_has_a_hash() -> None:
    locked = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)
    assert [] == [one for one in locked if one and "--hash=sha256:" not in one]


def test_the_lock_names_no_place_to_fetch_from() -> None:
    assert "://" not in LOCK
