"""Problems as pages for people, as JSON for programs, with the same status and headers."""

import pytest
from starlette.testclient import TestClient

from skiplens.service.services import Services
from skiplens.web.http.problems import Problem
from skiplens.web.pages.assets import load_assets
from skiplens.web.pages.error import error_page
from skiplens.web.pages.templating import Renderer, SiteContext, Theme
from tests.web.pages.markup import Markup

HTML = {"Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/nowhere", 404),
        ("/networks/none/digits/0123456789abcdef", 404),
        ("/networks/mnist-resnet/digits/0123456789abcdef", 404),
        ("/?scale=block99:0", 404),
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


def test_the_request_is_never_repeated(client: TestClient) -> None:
    answer = client.get("/networks/<script>alert(1)</script>/digits/x", headers=HTML)
    assert "<script>alert" not in answer.text


def test_a_body_that_is_too_large_is_a_page(client: TestClient) -> None:
    answer = client.post("/digits", files={"file": bytes(9_000_000)}, headers=HTML)
    assert answer.status_code == 413
    assert "<h1>Too large</h1>" in answer.text


def test_an_expired_digit_offers_samples_and_a_way_to_draw(client: TestClient) -> None:
    page = client.get("/networks/mnist-classic/digits/0123456789abcdef", headers=HTML).text
    here = "/networks/mnist-classic/digits/"
    samples = [link for link in Markup(page).links() if link.startswith(here)]
    assert len(samples) >= 10
    assert client.get(samples[0]).status_code == 200
    assert "least recently used digits are deleted" in page
    assert "Draw or upload another digit" in page


@pytest.mark.parametrize("address", ["/nowhere", "/networks/none/digits/0123456789abcdef"])
def test_no_other_error_offers_samples(client: TestClient, address: str) -> None:
    assert "least recently used digits are deleted" not in client.get(address, headers=HTML).text


def test_a_busy_server_says_when_to_retry(services: Services) -> None:
    page = error_page(_problem(503), services, again=3, samples=None)
    assert page.again == 3
    html = Renderer(load_assets(), most_bytes=1).html(
        page, SiteContext(Theme.DARK, "/networks/a?scale=b:0", "http://127.0.0.1:8000")
    )
    assert "Try again in 3 seconds." in " ".join(html.split())
    assert "reload automatically" not in html  # nor does a page without a script
    assert 'href="/networks/a?scale=b:0"' in html
    assert Markup(html).faults == []


def test_a_lasting_error_suggests_no_retry(client: TestClient) -> None:
    assert "data-retry-after" not in client.get("/nowhere", headers=HTML).text


def _problem(status: int) -> Problem:
    return Problem(status=status, code="busy", title="Busy", detail="the queue is full")


def test_a_missing_data_set_is_no_mistyped_address(client: TestClient) -> None:
    page = client.get("/networks/mnist-classic/dataset", headers=HTML)
    assert page.status_code == 404
    assert "how a network classifies MNIST" in page.text
    assert "mistyped" not in page.text
