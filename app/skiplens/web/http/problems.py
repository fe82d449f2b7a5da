"""Answers every error with a problem: JSON (RFC 9457) for programs, a page for browsers."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.fields import FieldInfo
from starlette.datastructures import Headers
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
from skiplens.web.http.headers import request_id
from skiplens.web.links import API, within

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
_RETRYABLE_STATUSES: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.SERVICE_UNAVAILABLE})
_logger = structlog.get_logger(__name__)


class ProblemBody(BaseModel):
    """An error in the form of RFC 9457."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        description="URN that ends in the code", examples=["urn:skiplens:problem:unknown_layer"]
    )
    title: str = Field(description="the code in plain English", examples=["Unknown layer"])
    status: int = Field(description="HTTP status of the response", examples=[404])
    detail: str = Field(description="the value received and the values allowed")
    code: str = Field(description="stable identifier to match on", examples=["unknown_layer"])
    request_id: str = Field(description="id of this request in the log")


@dataclass(frozen=True)
class Problem:
    """An error, whichever way it is answered.

    Attributes:
        status: HTTP status.
        code: stable identifier to match on.
        title: the code in plain English.
        detail: the value received and the values allowed.
        extra_headers: headers beyond those that every problem has, such as ``Allow``.
    """

    status: int
    code: str
    title: str
    detail: str
    extra_headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: SkiplensError) -> "Problem":
        """The problem that an error of the program is."""
        return cls(status_of(error), error.code, error.title, str(error))

    @property
    def retry_after(self) -> int | None:
        """Seconds after which the same request may succeed; ``None`` if it cannot."""
        return RETRY_AFTER_SECONDS if self.status in _RETRYABLE_STATUSES else None

    @property
    def headers(self) -> dict[str, str]:
        """All headers but those of the content."""
        retry = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        return {**self.extra_headers, **retry, "Cache-Control": "no-store"}


class ProblemResponse(JSONResponse):
    """A problem as JSON; outside the API, browsers get the page that ``app.state.problem_page``
    renders, with the same status and headers. Leaves the code in the scope, where the access log
    counts it.
    """

    media_type = MEDIA_TYPE

    def __init__(self, problem: Problem) -> None:
        body = ProblemBody(
            type=f"urn:skiplens:problem:{problem.code}",
            title=problem.title,
            status=problem.status,
            detail=problem.detail,
            code=problem.code,
            request_id=request_id(),
        )
        super().__init__(body.model_dump(), problem.status, problem.headers)
        self._problem = problem

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it in the form that the request accepts."""
        scope["skiplens.problem"] = self._problem.code
        if _accepts_page(scope):
            render: Callable[[Request, Problem], Response] = scope["app"].state.problem_page
            await render(Request(scope), self._problem)(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def _accepts_page(scope: Scope) -> bool:
    path = within(scope["path"])
    in_api = path == API or path.startswith(f"{API}/")
    return not in_api and "text/html" in Headers(scope=scope).get("accept", "")


def status_of(error: SkiplensError) -> int:
    """The HTTP status of an error."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_response(error: SkiplensError) -> ProblemResponse:
    """The response to an error of the program."""
    return ProblemResponse(Problem.of(error))


def internal_error() -> ProblemResponse:
    """The response to a bug; the log has the traceback."""
    detail = "the server failed; the log has the details under this request id"
    return ProblemResponse(Problem(500, "internal_error", "Internal error", detail))


def stopping() -> ProblemResponse:
    """The response to a request that was not finished before the server stopped."""
    detail = "the server is stopping; try again shortly"
    return ProblemResponse(Problem(503, "stopping", "Stopping", detail))


def install(app: FastAPI) -> None:
    """Answer every error of the app with a problem.

    The handlers are coroutines: plain functions would need a thread, and a busy server may have
    none free.
    """
    app.add_exception_handler(SkiplensError, _skiplens_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_exception)


async def _skiplens_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, SkiplensError):
        raise error
    if status_of(error) == HTTPStatus.INTERNAL_SERVER_ERROR:
        _logger.error("failed", error=str(error))
    return error_response(error)


async def _validation_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    handler = request.scope["route"].dependant
    # FastAPI reports a parameter once for each dependency that takes it.
    messages = dict.fromkeys(validation_message(handler, fault) for fault in error.errors())
    return error_response(InvalidParameterError("; ".join(messages)))


async def _http_exception(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    phrase = HTTPStatus(error.status_code).phrase
    code = phrase.lower().replace(" ", "_").replace("-", "_")
    detail = {
        HTTPStatus.NOT_FOUND: "there is nothing at this address; /docs lists the API",
        HTTPStatus.METHOD_NOT_ALLOWED: f"method {request.method} is not allowed at this address",
    }.get(HTTPStatus(error.status_code), str(error.detail))
    headers = dict(error.headers or {})
    if "GET" in headers.get("Allow", ""):
        headers["Allow"] += ", HEAD"
    return ProblemResponse(Problem(error.status_code, code, phrase, detail, headers))


def validation_message(handler: Dependant, fault: Mapping[str, Any]) -> str:
    """A clause on one of the faults that FastAPI found in a request's parameters or its body.

    Args:
        handler: declares the parameters.
        fault: an entry of ``RequestValidationError.errors()``.
    """
    place, *names = fault["loc"]
    if place == "body":
        return f"{'.'.join(map(str, names)) or 'the body'}: {fault['msg']}"
    name = names[0]
    allowed = next(map(_allowed, _declarations(handler, name)))
    if fault["type"] == "missing":
        return f"{name} is missing; it must be {allowed}"
    return f"{name} must be {allowed}; got {quoted(fault['input'])}"


def _declarations(handler: Dependant, name: str) -> Iterator[FieldInfo]:
    """Declarations of the parameter by the handler and its dependencies."""
    for parameter in handler.path_params + handler.query_params:
        if parameter.alias == name:
            yield parameter.field_info
    for dependency in handler.dependencies:
        yield from _declarations(dependency, name)


def _allowed(declared: FieldInfo) -> str:
    parameter: Any = Annotated[declared.annotation, declared]
    schema = TypeAdapter(parameter).json_schema()
    variants = [schema, *schema.get("anyOf", ()), *schema.get("$defs", {}).values()]
    return next(text for text in map(_describe, variants) if text)


def _describe(schema: Mapping[str, Any]) -> str | None:
    """The values that a JSON schema allows; ``None`` if it only refers to others."""
    if "enum" in schema:
        *others, last = schema["enum"]
        return f"{', '.join(others)} or {last}"
    match schema.get("type"):
        case "boolean":
            return "true or false"
        case "integer" | "number":
            return _describe_number(schema)
        case "string":
            return _describe_text(schema)
    return None


def _describe_number(schema: Mapping[str, Any]) -> str:
    name, form = ("a number", "g") if schema["type"] == "number" else ("a whole number", ",")
    least, most = schema.get("minimum"), schema.get("maximum")
    if least is None or most is None:
        return name
    return f"{name} from {least:{form}} to {most:{form}}"


def _describe_text(schema: Mapping[str, Any]) -> str:
    if "pattern" in schema and "description" in schema:
        return str(schema["description"])
    if "maxLength" in schema:
        return f"text of at most {schema['maxLength']:,} characters"
    return "text"


def _documented(descriptions: Mapping[int, str]) -> dict[int | str, dict[str, object]]:
    content = {MEDIA_TYPE: {"schema": ProblemBody.model_json_schema()}}
    return {
        status: {"description": text, "content": content} for status, text in descriptions.items()
    }


_NO_TOKEN: Final = {401: "The server requires a token; the request has none, or a wrong one"}
TOKEN_NEEDED: Final = _documented(_NO_TOKEN)
PROBLEMS: Final = _documented(
    {
        **_NO_TOKEN,
        404: "There is no such network, layer, block, stage, filter, position, digit or result",
        422: "A parameter is not allowed",
        503: "The server is busy; Retry-After says when to try again",
    }
)
UPLOAD_PROBLEMS: Final = PROBLEMS | _documented(
    {
        408: "The body did not arrive in time",
        413: "The body or the image is too large",
        415: "The format is not accepted",
    }
)
NOT_READY: Final = _documented({503: "The server is starting or stopping"})
