"""The description of the API, by the OpenAPI Specification 3.1: made of the rows that serve it.

https://spec.openapis.org/oas/v3.1.1.html
"""

from typing import Any

import msgspec

from node import __version__
from node.http.access import COOKIE, Scope
from node.http.api.routes import PATHS, ROUTES, Route
from node.http.api.values import Pos, Problem

_REF = "#/components/schemas/{name}"

_PROBLEMS = {
    400: "The body isn't JSON",
    401: "No token, or one that isn't known",
    403: "The token lacks the scope, or the request may be forged",
    404: "There is no such thing",
    409: "It can't be done as things are; the words say why",
    413: "The body is too long",
    415: "The body's content type isn't application/json",
    422: "What was given won't do; the words say what was expected",
    429: "The token is used too often; Retry-After says when it may be again",
    503: "The broker is away, or too much is under way; that was not done",
    504: "It isn't known whether it was done, or a node didn't answer",
}

_DONE = {200: "Done", 201: "Said", 202: "Begun"}

_TEXT = {"type": "string"}

_SCOPES = {
    Scope.READ: "Read what is said in channels",
    Scope.POST: "Say something in a channel",
    Scope.INSPECT: "See nodes, channels, sessions and bans",
    Scope.OPERATE: "Drain, rebalance, give notice, kick, ban; also what inspect allows",
}


def description() -> dict[str, Any]:
    """The whole description, as values for JSON."""
    types = [Problem, *(kind for route in ROUTES for kind in _types(route))]
    _, schemas = msgspec.json.schema_components(list(dict.fromkeys(types)), ref_template=_REF)
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(f"/{route.path}", {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "chorus",
            "version": __version__,
            "summary": "A chat cluster, for programs",
            "description": "Times are Unix milliseconds, spans seconds. Scopes: "
            + "; ".join(f"`{scope}`: {does}" for scope, does in _SCOPES.items())
            + ".",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the file of --tokens",
                },
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": COOKIE,
                    "description": "The same, for browsers; what changes something needs the"
                    " header X-Chorus, too",
                },
            },
        },
    }


def _types(route: Route) -> list[type[Any]]:
    return [*route.answers.values(), *([route.body] if route.body else [])]


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _name(route),
        "summary": route.does,
        "description": f"Needs the scope `{route.scope}`.",
        "parameters": _parameters(route),
        "responses": {str(status): answer for status, answer in _responses(route).items()},
    }
    if route.body is not None:
        operation["requestBody"] = {"required": True, "content": _json(route.body.__name__)}
    return operation


def _name(route: Route) -> str:
    work = route.work
    return "events" if work is None else getattr(work, "__name__", "")


def _parameters(route: Route) -> list[dict[str, Any]]:
    found = [
        _parameter("path", part[1:-1], PATHS[part[1:-1]], required=True)
        for part in route.path.split("/")
        if part.startswith("{")
    ]
    _, components = msgspec.json.schema_components([route.query], ref_template=_REF)
    queried = components[route.query.__name__]
    required = queried.get("required", ())
    for name, schema in queried["properties"].items():
        found.append({"in": "query", "name": name, "required": name in required, "schema": schema})
    if route.keyed:
        key = {"type": "string", "pattern": "^[!-~]{1,200}$"}
        says = "Under the same key, something is said once within 10 minutes"
        found.append(
            {"in": "header", "name": "Idempotency-Key", "schema": key, "description": says}
        )
    if route.work is None:
        found.append(_parameter("header", "Last-Event-ID", Pos, required=False))
    return found


def _parameter(where: str, name: str, kind: Any, *, required: bool) -> dict[str, Any]:
    return {"in": where, "name": name, "required": required, "schema": msgspec.json.schema(kind)}


def _responses(route: Route) -> dict[int, dict[str, Any]]:
    if route.work is None:
        says = "Events `said`, whose data is a Message, and `gap`"
        done = {200: {"description": says, "content": {"text/event-stream": {"schema": _TEXT}}}}
    else:
        done = {
            status: {"description": _DONE[status], "content": _json(kind.__name__)}
            for status, kind in route.answers.items()
        }
    statuses = {
        401,
        403,
        422,
        429,
        503,
        *route.problems,
    }  # 422: for a query where there's none, too
    if route.body is not None:
        statuses |= {400, 413, 415}
    problems = {
        status: {"description": _PROBLEMS[status], "content": _json(Problem.__name__)}
        for status in sorted(statuses)
    }
    return done | problems


def _json(name: str) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": _REF.format(name=name)}}}
