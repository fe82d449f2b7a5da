"""What a request is told of a parameter that is not allowed: its name, what is allowed, what came.

FastAPI's own words name only the bound that was crossed, and not what came.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from fastapi.dependencies.models import Dependant
from pydantic import TypeAdapter
from pydantic.fields import FieldInfo

from app.errors import shown


def refusal(handler: Dependant, fault: Mapping[str, Any]) -> str:
    """One clause on one fault that FastAPI found in what a handler was asked for."""
    _, name, *_ = fault["loc"]
    allowed = next(map(_allowed, _declared(handler, name)))
    if fault["type"] == "missing":
        return f"{name} is missing; it must be {allowed}"
    return f"{name} must be {allowed}; got {shown(fault['input'])}"


def _declared(handler: Dependant, name: str) -> Iterator[FieldInfo]:
    """How the handler, or what it depends on, declares the parameter."""
    for parameter in handler.path_params + handler.query_params:
        if parameter.alias == name:
            yield parameter.field_info
    for dependency in handler.dependencies:
        yield from _declared(dependency, name)


def _allowed(declared: FieldInfo) -> str:
    parameter: Any = Annotated[declared.annotation, declared]
    schema = TypeAdapter(parameter).json_schema()
    kinds = [schema, *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    if any("pattern" in kind for kind in kinds):
        return str(declared.description)
    return next(words for words in map(_words, kinds) if words)


def _words(schema: Mapping[str, Any]) -> str | None:
    """What one kind of JSON schema allows; None where it says nothing of its own."""
    if "enum" in schema:
        *others, last = schema["enum"]
        return f"{', '.join(others)} or {last}"
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer":
            return _whole_number(schema.get("minimum"), schema.get("maximum"))
        case "string" if "maxLength" in schema:
            return f"text of at most {schema['maxLength']:,} characters"
        case "string":
            return "text"
    return None


def _whole_number(least: int | None, most: int | None) -> str:
    if least is None or most is None:
        return "a whole number"
    return f"a whole number from {least} to {most:,}"
