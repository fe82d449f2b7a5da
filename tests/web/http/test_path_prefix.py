"""The site below a path of its host, as a proxy serves it: every address given lies there."""

import re
from collections.abc import Iterator, Mapping

import pytest
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.service.dataset import LabelledDigits
from skiplens.settings import Settings
from tests.web.conftest import Start, over_dataset, wait_until_indexed
from tests.web.images import drawing, encoded
from tests.web.pages.markup import Markup

ROOT = "/tools/skiplens"
FORWARDED = {"X-Forwarded-Prefix": "/lab/7"}


@pytest.fixture(scope="module")
def below(
    engines: Mapping[str, Engine], shifted: LabelledDigits, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A client of a server at the path."""
    services = over_dataset(engines, shifted, tmp_path_factory.mktemp("below"))
    settings = Settings(root_path=f"{ROOT}/")
    app = create_app(settings, lambda: services)
    with TestClient(app, "http://127.0.0.1", raise_server_exceptions=False) as client:
        wait_until_indexed(client, ROOT)
        yield client


def pages(digit: Digit) -> Iterator[str]:
    view = f"/networks/mnist-resnet/digits/{digit.id}"
    yield "/"
    yield view
    yield f"{view}/layers/block1.output"
    yield f"{view}/layers/block1.output/filters/2"
    yield f"{view}/blocks"
    yield f"{view}/blocks/block1"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-classic/{digit.id}"
    yield "/networks/mnist-resnet/dataset"
    yield "/learn"
    yield "/learn/block"
    yield "/experiments"
    yield "/experiments/removal"
    yield "/docs"


def addresses(markup: Markup) -> set[str]:
    """Whatever in a page's attributes looks like an address on this host."""
    values = (value for _, element in markup.elements for value in element.values())
    return {value for value in values if re.match(r"/[a-z]", value) and "{" not in value}


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def test_every_address_in_a_page_lies_below_the_path(below: TestClient, digit: Digit) -> None:
    links = set()
    for page in pages(digit):
        answer = below.get(ROOT + page)
        assert answer.status_code == 200, page
        found = addresses(Markup(answer.text))
        assert {one for one in found if not one.startswith(ROOT)} == set(), page
        links |= found
    named = r"[0-9a-f]{16}|\d+|(?<=/layers/)[^/?]+"
    kinds = {re.sub(named, "", one).partition("?")[0]: one for one in links}
    for link in kinds.values():
        posted = link.partition("?")[0].endswith(("/live", "/digits", "/theme"))
        is_measured = re.search("/api/v1/dataset/|/api/.*/experiments/", link)  # none here
        if not posted and not is_measured and link != ROOT:
            assert below.get(link).status_code == 200, link


def test_every_address_in_the_api_lies_below_the_path(below: TestClient, digit: Digit) -> None:
    api = f"{ROOT}/api/v1"
    view = f"{api}/networks/mnist-resnet/digits/{digit.id}"
    for address in (
        f"{api}/networks",
        f"{api}/samples",
        f"{api}/digits/{digit.id}",
        f"{api}/networks/mnist-resnet/layers",
        f"{view}/prediction",
        f"{view}/layers/block1.output/grid.json",
    ):
        answer = below.get(address)
        assert answer.status_code == 200, address
        found = {one for one in strings(answer.json()) if re.match(r"/[a-z]", one)}
        assert all(one.startswith(ROOT) for one in found), address


def test_redirects_and_cookies_stay_below_the_path(below: TestClient) -> None:
    file = {"file": encoded(drawing())}
    stored = below.post(f"{ROOT}/api/v1/digits", files=file)
    assert stored.headers["location"].startswith(f"{ROOT}/api/v1/digits/")
    shown = below.post(f"{ROOT}/digits", files=file, follow_redirects=False)
    assert shown.headers["location"].startswith(f"{ROOT}/networks/")
    chosen = below.post(f"{ROOT}/theme", data={"theme": "dark"}, follow_redirects=False)
    assert chosen.headers["location"] == f"{ROOT}/"
    assert f"Path={ROOT}/" in chosen.headers["set-cookie"]
    below.cookies.clear()


def test_the_path_alone_is_the_front_page(below: TestClient) -> None:
    front, alone = (below.get(path, headers={"Accept": "text/html"}) for path in (f"{ROOT}/", ROOT))
    assert (front.status_code, alone.status_code) == (200, 200)
    assert Markup(alone.text).links() == Markup(front.text).links()


def test_the_api_is_described_at_the_path(below: TestClient) -> None:
    assert below.get(f"{ROOT}/openapi.json").json()["servers"] == [{"url": ROOT}]


def test_a_proxy_may_take_the_path_off(below: TestClient, digit: Digit) -> None:
    for page in pages(digit):
        assert below.get(page).text == below.get(ROOT + page).text, page


def test_errors_are_told_as_pages_only_outside_of_the_api(below: TestClient) -> None:
    headers = {"Accept": "text/html"}
    page = below.get(f"{ROOT}/nothing", headers=headers)
    assert f'href="{ROOT}/"' in page.text
    problem = below.get(f"{ROOT}/api/v1/nothing", headers=headers)
    assert problem.headers["content-type"] == "application/problem+json"


def test_a_proxys_prefix_counts_when_it_is_trusted(start: Start) -> None:
    trusting = start(trust_prefix_header=True)
    for prefix in ("/lab/7", "/other"):
        answer = trusting.get("/", headers={"X-Forwarded-Prefix": prefix})
        assert f'href="{prefix}/docs"' in answer.text
    assert 'href="/docs"' in trusting.get("/").text
    described = trusting.get("/openapi.json", headers=FORWARDED).json()
    assert described["servers"] == [{"url": "/lab/7"}]
    assert "servers" not in trusting.get("/openapi.json").json()


def test_the_cookie_of_the_token_is_for_that_path_alone(start: Start) -> None:
    client = start(trust_prefix_header=True, token="sesame")  # noqa: S106  # of the test
    asked = client.get("/docs?token=sesame", headers=FORWARDED, follow_redirects=False)
    assert asked.headers["location"] == "/lab/7/docs"
    assert "Path=/lab/7/" in asked.headers["set-cookie"].split("; ")


def test_a_prefix_is_ignored_by_default(start: Start) -> None:
    assert 'href="/docs"' in start().get("/", headers=FORWARDED).text


@pytest.mark.parametrize("prefix", ["//evil.example", "lab", "/a b", '/"', "/" + 300 * "a"])
def test_a_prefix_that_is_no_path_is_ignored(start: Start, prefix: str) -> None:
    answer = start(trust_prefix_header=True).get("/", headers={"X-Forwarded-Prefix": prefix})
    assert 'href="/docs"' in answer.text


def test_health_is_found_at_both(below: TestClient) -> None:
    for address in ("/healthz", "/readyz", f"{ROOT}/healthz", f"{ROOT}/metrics"):
        assert below.get(address).status_code == 200
