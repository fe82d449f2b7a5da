import json
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from skiplens import errors
from skiplens.errors import SkiplensError
from skiplens.web.http.problems import (
    MEDIA_TYPE,
    Problem,
    ProblemResponse,
    error_response,
    status_of,
)
from tests.web.conftest import Start

STATUS = {
    errors.UnknownNetworkError: 404,
    errors.UnknownLayerError: 404,
    errors.UnknownBlockError: 404,
    errors.UnknownFilterError: 404,
    errors.UnknownDigitError: 404,
    errors.RequestTimeoutError: 408,
    errors.TooLargeError: 413,
    errors.UnsupportedFormatError: 415,
    errors.InvalidParameterError: 422,
    errors.BlockNotDisableableError: 422,
    errors.UnreadableImageError: 422,
    errors.BlankImageError: 422,
    errors.NonFiniteError: 500,
    errors.BusyError: 503,
    errors.StartupError: 500,
}


@pytest.mark.parametrize(("kind", "status"), STATUS.items(), ids=str)
def test_each_kind_of_error_has_its_status(kind: type[SkiplensError], status: int) -> None:
    answer = error_response(kind("why"))
    assert answer.status_code == status
    assert json.loads(bytes(answer.body)) == {
        "type": f"urn:skiplens:problem:{kind.code}",
        "title": kind.title,
        "status": status,
        "detail": "why",
        "code": kind.code,
        "request_id": "-",
    }


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in _tree(SkiplensError)]
    assert len(set(codes)) == len(codes)
    assert status_of(SkiplensError("?")) == 500


@pytest.mark.parametrize(("status", "again"), [(503, "1"), (408, "1"), (404, None), (500, None)])
def test_only_retryable_problems_say_when_to_retry(status: int, again: str | None) -> None:
    answer = ProblemResponse(Problem(status, "code", "Title", "detail", {"X-More": "kept"}))
    assert answer.headers.get("retry-after") == again
    assert answer.headers["x-more"] == "kept"
    assert answer.headers["cache-control"] == "no-store"


def _tree(kind: type[SkiplensError]) -> Iterator[type[SkiplensError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _tree(below)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_browsers_get_a_page_from_middleware_too(start: Start, method: str) -> None:
    client = start(allowed_hosts="lens.example")
    for accept, kind in (("text/html", "text/html; charset=utf-8"), ("*/*", MEDIA_TYPE)):
        answer = client.request(method, "/healthz", headers={"Accept": accept})
        assert answer.status_code == 400
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "no-store"


def test_a_page_has_the_headers_of_the_json(api: TestClient) -> None:
    page = api.delete("/healthz", headers={"Accept": "text/html"})
    assert page.status_code == 405
    assert page.headers["allow"] == api.delete("/healthz").headers["allow"] == "GET, HEAD"
