"""`docs/api.md`: its examples can be typed as they stand, and answer what stands below them."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from node.http.access import COOKIE, PROOF, Scope
from tests.cluster.conftest import MakeTown
from tests.support.api import Api, new_token
from tests.support.processes import await_fact

PAGE = (Path(__file__).parents[2] / "docs/api.md").read_text()

EXAMPLES: list[tuple[str, str]] = re.findall(r"```sh\n(curl [^`]*)```\n\n```json\n([^`]*)```", PAGE)


def shape(value: Any) -> Any:
    """What kind of value it is, and of objects the names, at any depth."""
    if isinstance(value, dict):
        return {name: "" if name in OPEN else shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return type(value).__name__


OPEN = ("next", "probe", "why", "slash")
"""What is there or null, empty or not, as it comes."""


@pytest.mark.skipif(shutil.which("curl") is None, reason="there's no curl here")
def test_the_examples_answer_what_they_are_said_to(make_town: MakeTown, tmp_path: Path) -> None:
    secret, entry = new_token("deploys", "read", "post", "operate")
    tokens = tmp_path / "tokens.toml"
    tokens.write_text(entry)
    town = make_town("--tokens", str(tokens), "--lease", "2", count=1)
    ann = town.person("ann", "#go")
    town.person("spammer", "#go")
    ann.does("hello")
    address = f"http://127.0.0.1:{town.nodes[0].http}/api/v1"
    environ = {"CHORUS": address, "TOKEN": secret, "PATH": "/usr/bin:/bin:/usr/local/bin"}
    assert 12 == len(EXAMPLES)
    nodes = Api(town.nodes[0], secret)
    await_fact(lambda: any(node["sessions"] for node in nodes.get("nodes").said["nodes"]))
    for command, answer in EXAMPLES:
        done = subprocess.run(
            ["sh", "-c", command],
            env=environ,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert (0, "") == (done.returncode, done.stderr), command
        assert shape(json.loads(answer)) == shape(json.loads(done.stdout)), (command, done.stdout)


def test_the_page_names_every_scope_and_every_setting() -> None:
    scopes = [f"`{scope}`" for scope in Scope]
    assert [] == [word for word in (*scopes, "`--tokens FILE`", COOKIE, PROOF) if word not in PAGE]
