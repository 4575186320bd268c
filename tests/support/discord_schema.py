"""Holds REST bodies against Discord's own OpenAPI description (discord_api/openapi.json.gz: MIT, see LICENSE there)."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, validators
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

FILE = Path(__file__).parent / "discord_api" / "openapi.json.gz"


def _is_string(_: Any, value: object) -> bool:
    return isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))


def _of_strings_alone(keyword: str) -> Callable[..., Iterator[Any]]:
    check = Draft202012Validator.VALIDATORS[keyword]

    def only(validator: Any, wanted: Any, value: Any, schema: Any) -> Iterator[Any]:
        return check(validator, wanted, value, schema) if isinstance(value, str) else iter(())

    return only


# discord.py sends ids as JSON numbers where the description says string; Discord takes both.
Validator: Any = validators.extend(
    Draft202012Validator,
    {keyword: _of_strings_alone(keyword) for keyword in ("pattern", "minLength", "maxLength")},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("string", _is_string),
)


class Description:
    """Find the operation of a call and say what is wrong in its parameters and body."""

    def __init__(self) -> None:
        self._spec: dict[str, Any] = json.loads(gzip.decompress(FILE.read_bytes()))
        resource = Resource(contents=self._spec, specification=DRAFT202012)
        self._registry: Any = Registry().with_resource("urn:spec", resource)
        # Literal paths (@me, @original) before those with parameters.
        paths = sorted(self._spec["paths"].items(), key=lambda item: item[0].count("{"))
        self._paths = [(path, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), ops) for path, ops in paths]

    def findings(self, method: str, path: str, query: Mapping[str, Any], body: Any) -> tuple[str, list[str]]:
        """Return the operation's name and what is wrong."""
        for template, pattern, operations in self._paths:
            operation = operations.get(method.lower())
            if operation is not None and pattern.fullmatch(path):
                name = f"{method} {template}"
                wrong = [*self._query(operations, operation, query), *self._body(operation, body)]
                return name, [f"{name}: {each}" for each in wrong]
        return f"{method} {path}", [f"{method} {path}: no such operation"]

    def _query(self, shared: dict[str, Any], operation: dict[str, Any], query: Mapping[str, Any]) -> Iterator[str]:
        told = [self._found(each) for each in operation.get("parameters", []) + shared.get("parameters", [])]
        known = {each["name"] for each in told if each["in"] == "query"}
        yield from (f"query parameter {key!r} is not described" for key in query if key not in known)

    def _body(self, operation: dict[str, Any], body: Any) -> Iterator[str]:
        content = self._found(operation.get("requestBody") or {}).get("content", {})
        if not body:
            return
        if not content:
            yield "it has a body, the description has none"
            return
        schema = (content.get("application/json") or next(iter(content.values())))["schema"]
        absolute = json.loads(json.dumps(schema).replace('"#/', '"urn:spec#/'))
        for error in Validator(absolute, registry=self._registry).iter_errors(body):
            yield f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:160]}"

    def _found(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            found: Any = self._spec
            for part in node["$ref"][2:].split("/"):
                found = found[part]
            node = found
        return node
