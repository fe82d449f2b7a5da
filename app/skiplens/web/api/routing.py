"""The router of each part of the API."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import APIRouter, Response
from fastapi.types import DecoratedCallable

from skiplens.web.http.caching import CSV, NPY, NPZ, PNG
from skiplens.web.http.problems import PROBLEMS
from skiplens.web.links import API

EXAMPLE: Final = "x-example"
"""Of an OpenAPI operation: parameters by name, where the common examples are none of its own. The
description has them as examples of the parameters."""
REORDERED: Final = "mnist-stream"
"""The network of examples whose blocks run in another order; its logits are a sum over them."""
_FILES: Final = {
    PNG: "The image",
    NPY: "The array",
    NPZ: "The arrays by layer name",
    CSV: "The table with a header row",
}


class Router(APIRouter):
    """Routes below the address of the API that share a tag and the common problems.

    The app takes them as they are: FastAPI builds every route of a router twice if the router is
    included in another.
    """

    def __init__(self, tag: str) -> None:
        super().__init__(prefix=API, tags=[tag], responses=PROBLEMS)

    def file(
        self, path: str, media_type: str, summary: str, **example: str
    ) -> Callable[[DecoratedCallable], DecoratedCallable]:
        """A GET route that answers with a file; ``example`` is as :data:`EXAMPLE`."""
        content: dict[str, Any] = {media_type.partition(";")[0]: {}}
        answer = {"content": content, "description": _FILES[media_type]}
        return self.get(
            path,
            summary=summary,
            responses={200: answer},
            response_class=Response,
            openapi_extra={EXAMPLE: example} if example else None,
        )
