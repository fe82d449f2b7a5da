"""Errors as pages: for people only, outside the API only, with the same status and headers."""

import pytest
from starlette.testclient import TestClient

from tests.web.pages.markup import Markup

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nowhere", 404),
        ("/networks/none/digits/0123456789abcdef", 404),
        ("/networks/mnist-resnet/digits/0123456789abcdef", 404),
        ("/?off=block99", 404),
        ("/?palette=none", 422),
    ],
)
def test_an_error_is_a_page_for_people(client: TestClient, address: str, status: int) -> None:
    answer = client.get(address, headers=HTML)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"] in answer.text
    assert "content-security-policy" in answer.headers
    assert Markup(answer.text).faults == []


def test_an_error_is_json_for_programs_and_in_the_api(client: TestClient) -> None:
    for address, headers in (("/nowhere", {}), ("/api/v1/nowhere", HTML)):
        answer = client.get(address, headers=headers)
        assert answer.headers["content-type"] == "application/problem+json"


def test_what_was_given_is_never_repeated(client: TestClient) -> None:
    answer = client.get("/networks/<script>alert(1)</script>/digits/x", headers=HTML)
    assert "<script>alert" not in answer.text


def test_a_body_that_is_too_large_is_a_page(client: TestClient) -> None:
    answer = client.post("/digits", files={"file": bytes(9_000_000)}, headers=HTML)
    assert answer.status_code == 413
    assert "<h1>Too large</h1>" in answer.text
