"""`node.fresh`: a file that's read anew when it has changed, or when it's asked for."""

from pathlib import Path

import pytest

from node.files import read_secret
from node.fresh import LOOK, Fresh


class Reading:
    """A file of one line, and who reads it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "file"
        self.file.write_text("one")
        self.told: list[str] = []
        self.clock = 0.0
        path, tell = str(self.file), self.told.append
        self.fresh = Fresh("--x", "letters", path, read_secret, "", lambda: self.clock, tell)

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.clock += LOOK


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    return Reading(tmp_path)


def test_it_is_looked_at_once_a_second(reading: Reading) -> None:
    reading.file.write_text("other")
    found = []
    for _ in range(2):
        found.append(reading.fresh.now)
        reading.clock += LOOK
    assert ["one", "other"] == found
    assert [f"--x: read {reading.file} anew, 5 letters"] == reading.told


def test_one_that_has_become_bad_changes_nothing_and_is_told_once(reading: Reading) -> None:
    reading.write("")
    assert "one" == reading.fresh.now
    reading.clock += LOOK
    assert "one" == reading.fresh.now
    assert [f"--x: the old ones stay; expected one line in {reading.file}"] == reading.told


def test_it_is_read_when_it_is_asked_for_whatever_has_changed(reading: Reading) -> None:
    says = f"--x: read {reading.file} anew, 3 letters"
    assert [says] * 2 == [reading.fresh.again() for _ in range(2)]
    reading.file.write_text("other")
    reading.fresh.again()
    assert "other" == reading.fresh.now, "without a second's waiting"


def test_without_a_file_there_is_nothing_and_nothing_to_read() -> None:
    told: list[str] = []
    fresh = Fresh("--x", "letters", "", read_secret, "nothing", lambda: 0.0, told.append)
    assert ("nothing", "", []) == (fresh.now, fresh.again(), told)


def test_one_that_is_bad_at_the_beginning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a file that can be read"):
        Fresh("--x", "letters", str(tmp_path / "no"), read_secret, "", lambda: 0.0)
