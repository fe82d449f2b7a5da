"""The pages of a block, of the depth, and of a comparison."""

import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from starlette.testclient import TestClient

from app.core.digit import Digit
from app.samples import load_samples
from tests.web.pages.conftest import Look

VIEW = "/networks/mnist-resnet/digits"


@pytest.fixture
def page(client: TestClient, digit: Digit) -> str:
    """The block page of block2."""
    return client.get(f"{VIEW}/{digit.id}/blocks/block2").text


def pages(digit: Digit) -> Iterator[str]:
    """One of each kind."""
    other = next(sample.digit for sample in load_samples() if sample.label == 1)
    yield f"{VIEW}/{digit.id}/blocks/block3?off=block3"
    yield f"{VIEW}/{digit.id}/depth?palette=polar"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-resnet/{other.id}"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-classic/{digit.id}"


def test_every_page_is_sound_has_one_h1_and_skips_no_level(look: Look, digit: Digit) -> None:
    for address in pages(digit):
        markup = look(address)
        assert markup.faults == []
        levels = [int(tag[1]) for tag, _ in markup.elements if re.fullmatch(r"h[1-6]", tag)]
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_picture_is_there_in_the_size_that_the_page_gives_it(
    client: TestClient, look: Look, digit: Digit
) -> None:
    for address in pages(digit):
        for image in look(address).all("img"):
            assert image["alt"]
            answer = client.get(image["src"])
            assert answer.status_code == 200
            width = int.from_bytes(answer.content[16:20], "big")
            assert "/input.png" in image["src"] or width == int(image["width"])


def test_every_link_leads_somewhere(client: TestClient, look: Look, digit: Digit) -> None:
    for address in pages(digit):
        for link in sorted({link for link in look(address).links() if link[:1] == "/"}):
            assert client.get(link).status_code == 200, link


def test_a_blocks_figures_are_those_of_the_api(client: TestClient, digit: Digit, page: str) -> None:
    figures = client.get(f"/api/v1{VIEW}/{digit.id}/blocks/block2").json()
    assert f"{figures['norm_x']:.0f}" in page
    assert f"{figures['ratio']:.2f}" in page
    assert f"{100 * figures['relu_cut']:.0f}" in page


def test_a_blocks_strip_is_drawn_with_its_rows_named(page: str) -> None:
    for role in ("x", "F(x)", "sum", "output"):
        assert f">{role}</b>" in page
    assert "one scale for every row" in page


def test_a_projected_identity_is_called_so(client: TestClient, digit: Digit) -> None:
    assert "projected x" in client.get(f"{VIEW}/{digit.id}/blocks/block3").text


def test_the_switch_is_a_link_there_and_back(client: TestClient, digit: Digit, page: str) -> None:
    there = f"{VIEW}/{digit.id}/blocks/block2?off=block2"
    assert there in page
    off = client.get(there).text
    assert "Switch F(x) on" in off
    assert f'href="{VIEW}/{digit.id}/blocks/block2"' in off


def test_what_is_off_and_how_it_is_drawn_is_carried_on(look: Look, digit: Digit) -> None:
    markup = look(f"{VIEW}/{digit.id}/depth?off=block4&palette=polar")
    onward = [link for link in markup.links() if "/blocks/" in link]
    assert onward
    assert all("off=block4" in link and "palette=polar" in link for link in onward)


def test_the_flow_is_for_the_class_that_was_asked_for(client: TestClient, digit: Digit) -> None:
    html = client.get(f"{VIEW}/{digit.id}/depth?target=2").text
    assert "log p(2)" in html
    flow = client.get(f"/api/v1{VIEW}/{digit.id}/flow?target=2").json()
    assert flow["target"] == "2"
    assert client.get(f"{VIEW}/{digit.id}/depth?target=10").status_code == 422


def test_lesions_are_shown_as_they_were_measured(client: TestClient, digit: Digit) -> None:
    html = client.get(f"{VIEW}/{digit.id}/depth").text
    assert "What is lost without them" in html
    assert "10,000 test digits" in html


def test_a_comparison_names_both_and_marks_the_layer(client: TestClient, digit: Digit) -> None:
    pair = f"a=mnist-resnet/{digit.id}&b=mnist-resnet/{digit.id}&off_b=block1"
    html = client.get(f"/compare?{pair}&layer=block2.sum").text
    assert "without block1" in html
    assert re.search(r'aria-current="true"><code>block2\.sum', html)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/compare?a=nope&b=nope", 422),
        ("/compare?a=mnist-resnet/0&b=mnist-resnet/0", 404),
        (f"{VIEW}/0123456789abcdef/depth", 404),
    ],
)
def test_faults_are_pages_too(client: TestClient, address: str, status: int) -> None:
    answer = client.get(address, headers={"accept": "text/html"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
