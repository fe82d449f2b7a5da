"""Turns every error into a response: problem+json for programs, a page for people."""

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, TypeAdapter
from pydantic.fields import FieldInfo
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from skiplens.errors import (
    BusyError,
    InvalidParameterError,
    NonFiniteError,
    NotFoundError,
    RequestTimeoutError,
    SkiplensError,
    TooLargeError,
    UnsupportedFormatError,
    quoted,
)
from skiplens.web.http.request_id import request_id


def refusal(handler: Dependant, fault: Mapping[str, Any]) -> str:
    """One clause on one fault that FastAPI found in what a handler was asked for."""
    _, name, *_ = fault["loc"]
    allowed = next(map(_allowed, _declared(handler, name)))
    if fault["type"] == "missing":
        return f"{name} is missing; it must be {allowed}"
    return f"{name} must be {allowed}; got {quoted(fault['input'])}"


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


MEDIA_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 1

_STATUS: Final[tuple[tuple[type[SkiplensError], int], ...]] = (
    (NotFoundError, 404),
    (RequestTimeoutError, 408),
    (TooLargeError, 413),
    (UnsupportedFormatError, 415),
    (InvalidParameterError, 422),
    (NonFiniteError, 500),
    (BusyError, 503),
)
_COME_BACK: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE})
_logger = structlog.get_logger(__name__)


class ProblemResponse(JSONResponse):
    """A problem; leaves its code in the scope, where the access log counts it."""

    media_type = MEDIA_TYPE

    def __init__(self, body: "Problem", headers: Mapping[str, str]) -> None:
        super().__init__(body.model_dump(), body.status, headers)
        self.code = body.code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        scope["skiplens.problem"] = self.code
        await super().__call__(scope, receive, send)


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(
        description="urn that ends in the code", examples=["urn:skiplens:problem:unknown_layer"]
    )
    title: str = Field(description="the code for people", examples=["Unknown layer"])
    status: int = Field(description="of HTTP, the answer's own", examples=[404])
    detail: str = Field(description="what was given and what is allowed")
    code: str = Field(description="stable word to match on", examples=["unknown_layer"])
    request_id: str = Field(description="names this request in the log")


def status_of(error: SkiplensError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def problem(
    status: int,
    code: str,
    title: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
) -> ProblemResponse:
    """A problem response; one that may be tried again as it was says when."""
    body = Problem(
        type=f"urn:skiplens:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=request_id(),
    )
    extra = dict(headers or {})
    if status in _COME_BACK:
        extra["Retry-After"] = str(RETRY_AFTER_SECONDS)
    extra["Cache-Control"] = "no-store"
    return ProblemResponse(body, extra)


def problem_of(error: SkiplensError) -> ProblemResponse:
    """The problem response of an error."""
    return problem(status_of(error), error.code, error.title, str(error))


async def _skiplens_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, SkiplensError):
        raise error
    if status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
        _logger.error("failed", error=str(error))
    return problem_of(error)


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    handler = request.scope["route"].dependant
    # A parameter that two dependencies take is found at fault twice.
    faults = dict.fromkeys(refusal(handler, fault) for fault in error.errors())
    return problem(422, InvalidParameterError.code, InvalidParameterError.title, "; ".join(faults))


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    detail = {
        HTTPStatus.NOT_FOUND: "there is nothing at this address; /docs lists what there is",
        HTTPStatus.METHOD_NOT_ALLOWED: f"method {request.method} is not allowed at this address",
    }.get(HTTPStatus(error.status_code), str(error.detail))
    headers = dict(error.headers or {})
    if "GET" in headers.get("Allow", ""):
        headers["Allow"] += ", HEAD"
    return problem(error.status_code, code, phrase, detail, headers=headers)


def unexpected() -> Response:
    """The problem response for a fault of our own; the log has the rest."""
    return problem(
        500, "internal_error", "Internal error", "the server failed; the log names this request"
    )


def stopping() -> Response:
    """The problem response for a request that was not finished before the server stopped."""
    return problem(503, "stopping", "Stopping", "the server is stopping; try again shortly")


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem.

    The handlers are coroutines: others would wait for a thread, and may find none when it is busy.
    """
    app.add_exception_handler(SkiplensError, _skiplens_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


def _documented(descriptions: Mapping[int, str]) -> dict[int | str, dict[str, object]]:
    content = {MEDIA_TYPE: {"schema": Problem.model_json_schema()}}
    return {
        status: {"description": text, "content": content} for status, text in descriptions.items()
    }


PROBLEMS: Final = _documented(
    {
        404: "No network, layer, block, filter or digit of that name",
        422: "A parameter is not allowed",
        503: "Busy; Retry-After says when to try again",
    }
)
UPLOAD_PROBLEMS: Final = PROBLEMS | _documented(
    {
        408: "The body did not arrive in time",
        413: "The body or the image is too large",
        415: "The format is not accepted",
    }
)
NOT_READY: Final = _documented({503: "Starting or stopping"})
