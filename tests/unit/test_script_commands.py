"""The scripts' commands are among those that the users of `deploy/redis/redis.acl` may give."""

import re
from importlib.resources import files
from pathlib import Path

ACL = Path(__file__).parents[2] / "deploy" / "redis" / "redis.acl"


def test_each_command_of_a_script_is_allowed_to_nodes() -> None:
    (node,) = [line for line in ACL.read_text().splitlines() if line.startswith("user node ")]
    allowed = {word[1:] for word in node.split() if word.startswith("+")}
    texts = [f.read_text() for f in files("broker.scripts").iterdir() if f.name.endswith(".lua")]
    given = {name.lower() for t in texts for name in re.findall(r"redis\.p?call\('(\w+)'", t)}
    assert {"hset", "xadd"} <= given
    assert set() == given - allowed
