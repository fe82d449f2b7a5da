"""Records that the API publishes, each field described by the string under it."""

import ast
import inspect
from itertools import pairwise
from typing import Any, ClassVar


def describe_fields(schema: dict[str, Any], record: type) -> None:
    """Describe each field in a record's JSON schema by the string under it in the source."""
    declaration = ast.parse(inspect.getsource(record)).body[0]
    for field, below in pairwise(ast.iter_child_nodes(declaration)):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                schema["properties"][name]["description"] = inspect.cleandoc(text)


class Published:
    """A record that the API publishes. pydantic describes the fields when it makes the JSON schema,
    as reading the source takes too long for a start, and lists those with a default as present.
    """

    __pydantic_config__: ClassVar = {
        "json_schema_extra": describe_fields,
        "json_schema_serialization_defaults_required": True,
    }
