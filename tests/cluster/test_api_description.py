"""`/api/v1/openapi.json`: what it says is so, whatever is asked."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from node.http.api.routes import ROUTES, Route
from node.http.api.values import Query
from tests.cluster.conftest import LEASE
from tests.support.api import new_token
from tests.support.nodes import Nodes
from tests.support.town import Town

CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
]
"""Not `ignored_auth`: it takes credentials for sent that were made up, and ours are sent instead.
`test_nobody_is_let_in_without_a_token_that_is_right` asks for that, of every route.
"""

EXAMPLES = 12


@pytest.fixture(scope="module")
def description(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A node with a channel in which something was said, and what it says of its API."""
    folder = tmp_path_factory.mktemp("api")
    secret, entry = new_token("fuzz", "read", "post", "inspect", "operate")
    tokens = Path(folder / "tokens.toml")
    tokens.write_text(entry)
    flags = ("--tokens", str(tokens), "--operators-from", "", "--lease", str(LEASE))
    with Nodes(server, folder, *flags, forked=True) as nodes, Town(nodes, 1) as town:
        ann = town.person("ann", "#go")
        ann.does("hello")
        url = f"http://127.0.0.1:{town.nodes[0].http}/api/v1/openapi.json"
        made = schemathesis.openapi.from_url(url)
        made.config.update(headers={"Authorization": f"Bearer {secret}"})
        yield made
        logs = [node.log.read_text() for node in town.nodes]
        assert [] == [log for log in logs if "Traceback" in log]


def _may_be_wrong(route: Route) -> bool:
    """Whether it takes something that can be other than it's described."""
    return "{" in route.path or route.query is not Query or route.body is not None


MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
OPERATIONS = [
    (route.method, f"/{route.path}", mode)
    for route in ROUTES
    for mode in MODES
    if route.work is not None and (mode is MODES[0] or _may_be_wrong(route))
]


@pytest.mark.parametrize("method, path, mode", OPERATIONS)
def test_whatever_is_asked_the_answer_is_one_that_is_described(
    description: Any, method: str, path: str, mode: GenerationMode
) -> None:
    operation = description[path][method]

    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        # blanks around a header's value are none of it (RFC 9110, 5.5): it may be right then
        assume(all(str(value) == str(value).strip() for value in (case.headers or {}).values()))
        case.call_and_validate(checks=CHECKS)

    check()


@pytest.mark.parametrize("secret", ["", "Bearer chorus_00", "Basic Zm86YmFy", "Bearer"])
def test_nobody_is_let_in_without_a_token_that_is_right(description: Any, secret: str) -> None:
    for route in ROUTES:
        case = description[f"/{route.path}"][route.method].Case(
            path_parameters=dict.fromkeys(re.findall(r"{(\w+)}", route.path), "go"),
            headers={"Content-Type": "application/json"},
        )
        answer = case.call(headers={"Authorization": secret})
        assert (route.path, 401) == (route.path, answer.status_code)
