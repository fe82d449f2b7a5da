"""What the pages of a block, of the depth and of a comparison have in common."""

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import pytest
from starlette.testclient import TestClient

from skiplens.core.digit import Digit
from skiplens.engine.base import Engine
from skiplens.samples import load_samples
from tests.web.pages.conftest import Look

VIEW = "/networks/mnist-resnet/digits"


def pages(digit: Digit) -> Iterator[str]:
    """One of each kind."""
    other = next(sample.digit for sample in load_samples() if sample.label == 1)
    yield f"{VIEW}/{digit.id}/blocks/block3?scale=block3:0&order=cosine"
    yield f"{VIEW}/{digit.id}/depth?palette=blue-orange&beside=mnist-classic"
    yield f"/networks/mnist-classic/digits/{digit.id}/classic?scale=block2:0"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-resnet/{other.id}"
    yield f"/compare?a=mnist-resnet/{digit.id}&b=mnist-classic/{digit.id}&scale_b=block1:0"


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
    found = [link for address in pages(digit) for link in look(address).links()]
    kinds = {re.sub("[0-9a-f]{16}", "", link): link for link in found if link[:1] == "/"}
    for link in kinds.values():
        assert client.get(link).status_code == 200, link


def test_every_network_has_its_pages(
    client: TestClient, look: Look, engines: Mapping[str, Engine], digit: Digit
) -> None:
    for name, engine in engines.items():
        view = f"/networks/{name}/digits/{digit.id}"
        blocks = [f"{view}/blocks/{block.name}" for block in engine.manifest.blocks]
        for address in (view, f"{view}/depth", *blocks):
            markup = look(address)
            assert markup.faults == []
            pictures = {one["src"] for one in markup.all("img")}
            assert {client.get(one).status_code for one in pictures} == {200}


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/compare?a=nope&b=nope", 422),
        ("/compare?a=mnist-resnet/0&b=mnist-resnet/0", 404),
        (f"{VIEW}/0123456789abcdef/depth", 404),
        (f"{VIEW}/{{digit}}/depth?beside=nope", 404),
        (f"{VIEW}/{{digit}}/depth?target=10", 422),
        (f"{VIEW}/{{digit}}/blocks/block1?order=nope", 422),
    ],
)
def test_faults_are_pages_too(client: TestClient, digit: Digit, address: str, status: int) -> None:
    answer = client.get(address.format(digit=digit.id), headers={"accept": "text/html"})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")
