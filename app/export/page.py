"""The page that opens from disk: the gallery on one sheet, in the words of the app."""

from dataclasses import dataclass
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.export.exhibit import Exhibit
from app.export.pictures import Pictures
from app.export.sections import (
    BlockSection,
    Figure,
    block_sections,
    kernel_figures,
    place_figures,
)
from app.web.pages import explanations, shell, wording
from app.web.pages.assets import FOLDER as STATIC
from app.web.pages.figures import Stop, ramp_stops
from app.web.pages.reading import Reading, reading
from app.web.pages.rendering import TEMPLATES
from app.web.pages.shell import DigitCard
from app.web.pages.view import View

STYLE: Final = "style.css"
# The sheets of the app that the exported page shares.
_SHARED: Final = (
    *("base/colours.css", "base/type.css", "base/site.css"),
    *("view/ground.css", "view/reading.css", "view/about.css", "view/grids.css"),
)


@dataclass(frozen=True)
class Sheet:
    """The page.

    Attributes:
        title: of the document.
        heading: title of the network.
        summary: one sentence about it.
        facts: name and value.
        digit: what the network is given.
        reading: what it answers.
        palette: name of the palette.
        signed_ramp: the palette for signed values.
        positive_ramp: the palette for values never negative.
        zero_words: what dark and bright mean in the palette.
        stem: the beginning.
        blocks: the middle.
        head: the end.
        kernels: of every convolution.
    """

    title: str
    heading: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    digit: DigitCard
    reading: Reading
    palette: str
    signed_ramp: tuple[Stop, ...]
    positive_ramp: tuple[Stop, ...]
    zero_words: str
    stem: tuple[Figure, ...]
    blocks: tuple[BlockSection, ...]
    head: tuple[Figure, ...]
    kernels: tuple[Figure, ...]


def style() -> bytes:
    """The content of ``style.css``: the app's own rules, and what the page adds to them."""
    shared = (STATIC / "css" / sheet for sheet in _SHARED)
    return b"\n".join(sheet.read_bytes() for sheet in (*shared, TEMPLATES / "export" / STYLE))


def html(exhibit: Exhibit, pictures: Pictures) -> str:
    """The content of ``index.html``; every address in it is a file beside it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        number=wording.number, percent=wording.percent, cosine=wording.cosine
    )
    return environment.get_template("export/index.html").render(page=_sheet(exhibit, pictures))


def _sheet(exhibit: Exhibit, pictures: Pictures) -> Sheet:
    manifest, palette = exhibit.engine.manifest, exhibit.options.palette
    read = reading(exhibit.examination, exhibit.whole)
    view = View(manifest.id, exhibit.stored.digit.id, palette=palette)
    return Sheet(
        title=f"{read.label} in {manifest.title}",
        heading=manifest.title,
        summary=manifest.summary,
        facts=shell.facts(exhibit.engine),
        digit=shell.digit_card(exhibit.stored),
        reading=read,
        palette=palette.value,
        signed_ramp=ramp_stops(view, diverging=True),
        positive_ramp=ramp_stops(view, diverging=False),
        zero_words=explanations.ZERO[palette],
        stem=place_figures(exhibit, pictures, "stem"),
        blocks=block_sections(exhibit, pictures),
        head=place_figures(exhibit, pictures, "head"),
        kernels=kernel_figures(pictures),
    )
