"""`make test-mixed`: the cluster tests with every second node on the code of another release, as
while an upgrade is under way.

    python -m tests.mixed [RELEASE] [-- PYTEST_ARGS...]

RELEASE is a tag or a commit; the last tag, if none is given. The tests are those that the release
has, too, by their names: of what it couldn't do yet it can't be asked anything. Those that run a
node's own code beside what's tested (`chorus up`, how much work a line is) are left out.
"""

import os
import re
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from tests.support.nodes import OTHER_RELEASE
from tests.support.up import SOURCE

APART = {"test_up.py", "test_work.py", "test_readme.py", "test_memory.py"}
"""Files that don't mix."""


def main(args: list[str]) -> int:
    """The exit status of pytest; 0 if there's no release to mix with."""
    own, _, passed_on = " ".join(args).partition("--")
    release = own.strip() or _last_tag()
    if not release:
        print("skipped: there's no tag of a release here, and none was named")
        return 0
    with tempfile.TemporaryDirectory(prefix="chorus-release-") as folder:
        packed = subprocess.run(
            ["git", "archive", release], cwd=SOURCE, capture_output=True, check=False
        )
        if packed.returncode:
            print(packed.stderr.decode().strip(), file=sys.stderr)
            return 2
        with tarfile.open(fileobj=BytesIO(packed.stdout)) as archive:
            archive.extractall(folder, filter="data")
        theirs = _tests(Path(folder))
        tests = [test for test in _tests(SOURCE) if test in theirs]
        print(f"every second node runs {release}; {len(tests)} tests", flush=True)
        command = [sys.executable, "-m", "pytest", *tests, *passed_on.split()]
        environ = {**os.environ, OTHER_RELEASE: folder}
        return subprocess.run(command, cwd=SOURCE, env=environ, check=False).returncode


def _tests(source: Path) -> list[str]:
    """The tests of the cluster that are there, as pytest is asked for one."""
    return [
        f"{path.relative_to(source)}::{name}"
        for path in sorted(source.glob("tests/cluster/test_*.py"))
        if path.name not in APART
        for name in re.findall(r"^def (test_\w+)", path.read_text(), re.MULTILINE)
    ]


def _last_tag() -> str:
    command = ["git", "describe", "--tags", "--abbrev=0"]
    found = subprocess.run(command, cwd=SOURCE, capture_output=True, text=True, check=False)
    return found.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
