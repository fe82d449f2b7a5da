import re
from collections.abc import Callable
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from skiplens.core.colormaps import PaletteName
from skiplens.export.gallery import ExportContext, ExportOptions, draw, html
from skiplens.service.images import GridOptions
from skiplens.web.pages import text as page_text


class Addresses(HTMLParser):
    """Collects what a page points at."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.found += [value for name in ("src", "href", "srcset") if (value := named.get(name))]
        if tag == "img":
            self.images.append(named)


@pytest.fixture(scope="module")
def text(exported: Path) -> str:
    return (exported / "index.html").read_text(encoding="utf-8")


def test_every_address_is_a_file_beside_the_page(text: str, exported: Path) -> None:
    addresses = Addresses(text).found
    assert len(addresses) > 100
    for address in addresses:
        assert (exported / address).is_file(), address


def test_nothing_is_called_from_elsewhere(text: str, exported: Path) -> None:
    style = (exported / "style.css").read_text(encoding="utf-8")
    assert not re.search(r"https?:|//|url\((?!#)|@import|<script|<iframe", text)
    assert not re.search(r"https?:|url\(|@import", style)


def test_every_picture_says_what_it_shows_and_how_large_it_is(text: str) -> None:
    for image in Addresses(text).images:
        assert image["alt"]
        assert int(image["width"] or 0) > 0
        assert int(image["height"] or 0) > 0


def test_the_words_are_those_of_the_app(text: str, context: ExportContext) -> None:
    manifest, text = context.engine.manifest, unescape(text)
    for layer in manifest.layers:
        assert layer.name in text
        assert page_text.describe_layer(manifest, layer) in text
    assert "Prediction without block2" in text


def test_it_is_light_and_dark(exported: Path) -> None:
    assert "light-dark(" in (exported / "style.css").read_text(encoding="utf-8")


def test_a_palette_brings_its_plate_and_ramps(
    exhibit_of: Callable[[ExportOptions], ExportContext],
) -> None:
    context = exhibit_of(ExportOptions(options=GridOptions(palette=PaletteName.LIGHT)))
    page = html(context, draw(context))
    assert 'class="page palette-light"' in page
    assert page_text.ZERO[PaletteName.LIGHT] in page


@pytest.mark.parametrize(
    ("network", "x", "f", "words"),
    [
        ("mnist-resnet", "x", "F(x)", "the residual: what the block adds"),
        ("mnist-highway", "(1\N{MINUS SIGN}T)·x", "T·F(x)", "before the gate weights it"),
    ],
)
def test_figures_are_named_for_what_enters_the_sum(
    exhibit_of: Callable[[ExportOptions], ExportContext], network: str, x: str, f: str, words: str
) -> None:
    context = exhibit_of(ExportOptions(network=network))
    page = html(context, draw(context))
    assert page.count(f'norm of <b class="identity">{x}</b>') == 6
    assert page.count(f'norm of <b class="residual">{f}</b>') == 6
    assert page.count(f"<dt>{f} over {x}</dt>") == 6
    assert page.count(words) == 6
