"""The API's reference, made of its OpenAPI description."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from skiplens.service.services import Services
from skiplens.web.pages.network_page import SitePage

_Schema = Mapping[str, Any]
_RECORDS: Final = "#/components/schemas/"
_JSON: Final = "application/json"
_BOUNDS: Final = (("minimum", "from"), ("maximum", "to"), ("maxLength", "at most"))


@dataclass(frozen=True)
class TypeText:
    """A type in words, and the record or the choice that it names, which is described below."""

    words: str
    record: str = ""


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a record."""

    name: str
    type: TypeText
    description: str
    default: str = ""
    place: str = ""
    """``path`` or ``query``; empty for a field."""
    required: bool = False


@dataclass(frozen=True)
class Operation:
    """One route."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Field, ...]
    bodies: tuple[str, ...]
    """Media types that it takes."""
    answers: tuple[tuple[str, TypeText], ...]
    """Media types that it answers with, and what is in them."""
    problems: tuple[tuple[str, str], ...]
    """Status and meaning of the answers that are errors."""
    example: str
    """An answer, as JSON."""
    tried: str
    """Address with the examples of its parameters; empty for a POST."""


@dataclass(frozen=True)
class Record:
    """A record of the answers, or a choice of values."""

    name: str
    description: str
    fields: tuple[Field, ...]
    values: tuple[str, ...]


def docs_page(services: Services, openapi: _Schema) -> SitePage:
    """The reference."""
    groups = groupby(_operations(openapi), key=lambda pair: pair[0])
    schemas = openapi["components"]["schemas"].items()
    values = {
        "groups": tuple((tag, tuple(one for _, one in pairs)) for tag, pairs in groups),
        "records": tuple(_record(name, schema) for name, schema in schemas),
    }
    return SitePage("docs.html", "API", values=values, services=services, part="API")


def _operations(openapi: _Schema) -> Iterator[tuple[str, Operation]]:
    """Every route with its tag."""
    for path, methods in openapi["paths"].items():
        for method, operation in methods.items():
            yield operation["tags"][0], _operation(method, path, operation)


def _operation(method: str, path: str, operation: _Schema) -> Operation:
    parameters = operation.get("parameters", ())
    problems = {
        status: answer["description"]
        for status, answer in operation["responses"].items()
        if not status.startswith("2")
    }
    success = next(
        answer for status, answer in operation["responses"].items() if status not in problems
    )
    content = success.get("content", {})
    example = content.get(_JSON, {}).get("example")
    return Operation(
        anchor=f"{method}-{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-')}",
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation.get("description", ""),
        parameters=tuple(_parameter(one) for one in parameters),
        bodies=tuple(operation.get("requestBody", {}).get("content", {})),
        answers=tuple((kind, _type(one.get("schema", {}))) for kind, one in content.items()),
        problems=tuple(sorted(problems.items())),
        example="" if example is None else json.dumps(example, indent=2, ensure_ascii=False),
        tried=_tried(path, parameters) if method == "get" else "",
    )


def _tried(path: str, parameters: Sequence[_Schema]) -> str:
    """The address with an example of each parameter that it needs."""
    for parameter in parameters:
        name = parameter["name"]
        example = str(parameter["schema"]["examples"][0])
        if parameter["in"] == "path":
            path = path.replace(f"{{{name}}}", example)
        elif parameter["required"]:
            path += f"{'&' if '?' in path else '?'}{name}={example}"
    return path


def _parameter(parameter: _Schema) -> Field:
    schema = parameter["schema"]
    return Field(
        name=parameter["name"],
        type=_type(schema),
        description=parameter.get("description", ""),
        default=json.dumps(schema["default"]) if schema.get("default") is not None else "",
        place=parameter["in"],
        required=parameter["required"],
    )


def _record(name: str, schema: _Schema) -> Record:
    required = schema.get("required", ())
    return Record(
        name,
        schema.get("description", "").split("\n\n")[0],
        tuple(
            Field(key, _type(one), one.get("description", ""), required=key in required)
            for key, one in schema.get("properties", {}).items()
        ),
        tuple(schema.get("enum", ())),
    )


def _type(schema: _Schema) -> TypeText:
    """A JSON schema in words: ``integer from 1 to 16``, ``list of Filter``, ``number or null``."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_RECORDS)
        return TypeText(name, name)
    if choices := schema.get("anyOf") or schema.get("oneOf"):
        parts = [_type(one) for one in choices]
        words = " or ".join(part.words for part in parts)
        return TypeText(words, next((part.record for part in parts if part.record), ""))
    for key, word in (("items", "list of"), ("additionalProperties", "object of")):
        if isinstance(schema.get(key), Mapping):
            held = _type(schema[key])
            return TypeText(f"{word} {held.words}", held.record)
    return TypeText(_plain_type(schema))


def _plain_type(schema: _Schema) -> str:
    if values := schema.get("enum") or ([schema["const"]] if "const" in schema else []):
        return " or ".join(map(str, values))
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS if key in schema]
    unit = ["characters"] if "maxLength" in schema else []
    return " ".join([schema.get("type", ""), *bounds, *unit])
