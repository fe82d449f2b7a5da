"""The API's reference: complete, linked within itself, and true."""

import re
from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.web.pages.conftest import Look
from tests.web.pages.markup import Markup


@pytest.fixture(scope="module")
def html(api: TestClient) -> str:
    return api.get("/docs").text


@pytest.fixture(scope="module")
def schema(api: TestClient) -> dict[str, Any]:
    described: dict[str, Any] = api.get("/openapi.json").json()
    return described


def test_every_route_and_every_record_is_described_once(html: str, schema: dict[str, Any]) -> None:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            summary = f'<b class="method">{method.upper()}</b> <code>{path}</code>'
            assert html.count(summary) == 1
            assert operation["summary"].replace("'", "&#39;") in html
    for name in schema["components"]["schemas"]:
        assert html.count(f'id="record-{name}"') == 1


def test_every_link_to_a_record_leads_to_one(html: str) -> None:
    linked, there = (set(re.findall(rf'{name}="#?record-(\w+)"', html)) for name in ("href", "id"))
    assert linked
    assert linked <= there


def test_types_are_told_in_words(html: str) -> None:
    words = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    assert "zoom integer from 1 to 16 or null" in words
    assert "probabilities list of number" in words
    assert "normalize Normalisation , by default &#34;block&#34;" in words
    assert "filter , layer , block , network , symmetric" in words


def test_every_address_to_try_answers(api: TestClient, html: str) -> None:
    tried = [link for link in Markup(html).links() if link.startswith(("/api/v1/", "/healthz"))]
    assert len(tried) > 20
    missing = [link for link in tried if api.get(link).status_code != 200]
    assert all("/dataset" in link for link in missing), missing  # there is none in this test


@pytest.mark.parametrize("address", ["/docs", "/nowhere"])
def test_a_page_about_no_network_leads_to_all_that_others_lead_to(
    api: TestClient, look: Look, address: str
) -> None:
    headers = {"Accept": "text/html"}
    page = Markup(api.get(address, headers=headers).text)
    assert page.faults == []
    named = re.compile(r"^/networks/([\w-]+)/digits/[0-9a-f]{16}$")
    offered = [
        {found[1] for found in map(named.match, one.links()) if found} for one in (look("/"), page)
    ]
    assert len(offered[0]) > 1
    assert offered[0] <= offered[1]
    for part in ("/blocks", "/compare"):
        assert any(part in link for link in page.links())
    look(next(link for link in page.links() if link.endswith("/blocks")))
