"""What pages about a network and a digit share: links, choosers, facts and the digit itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.core.digit import SIDE
from app.core.manifest import Manifest
from app.core.ordering import Sort
from app.core.palettes import PaletteName
from app.core.scaling import Normalisation
from app.engine.protocol import Engine
from app.service.digits import StoredDigit
from app.service.grids import GridOptions
from app.service.services import Services
from app.web import urls
from app.web.pages import explanations, wording
from app.web.pages.figures import Stop, ramp_stops
from app.web.pages.rendering import NetworkLink, Page
from app.web.pages.view import View

_ENGINES: Final = {"litert": "LiteRT", "keras": "Keras"}


@dataclass(frozen=True)
class Choice:
    """One option of a chooser.

    Attributes:
        value: in the query.
        text: its name.
        said: what it means, in words.
        usual: whether it is what goes without saying.
        chosen: whether it is what the page shows.
    """

    value: str
    text: str
    said: str
    usual: bool
    chosen: bool


@dataclass(frozen=True)
class DigitCard:
    """The digit under the lens.

    Attributes:
        id: of the digit.
        input_png: what the network is given.
        alt: what the picture shows.
        origin: how it came about.
        warnings: what may be wrong with it.
    """

    id: str
    input_png: str
    alt: str
    origin: str
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class ViewPage(Page):
    """A page about a network and a digit.

    Attributes:
        view: the links.
        palette: name of the palette, which chooses the plate that grids stand on.
        signed_ramp: the palette for signed values.
        positive_ramp: the palette for values never negative.
        normalisations: to choose from.
        palettes: to choose from.
        sorts: to choose from.
    """

    view: View
    palette: str
    signed_ramp: tuple[Stop, ...]
    positive_ramp: tuple[Stop, ...]
    normalisations: tuple[Choice, ...]
    palettes: tuple[Choice, ...]
    sorts: tuple[Choice, ...]


@dataclass(frozen=True)
class Shell:
    """The parts that every :class:`ViewPage` is made with."""

    networks: tuple[NetworkLink, ...]
    view: View
    palette: str
    signed_ramp: tuple[Stop, ...]
    positive_ramp: tuple[Stop, ...]
    normalisations: tuple[Choice, ...]
    palettes: tuple[Choice, ...]
    sorts: tuple[Choice, ...]


def network_links(
    services: Services, view: View, address: Callable[[View], str]
) -> tuple[NetworkLink, ...]:
    """The networks to choose from; ``address`` is the page of a view in one of them."""
    return tuple(
        NetworkLink(
            title=engine.manifest.title,
            summary=engine.manifest.summary,
            href=address(view.in_network(engine.manifest)),
            current=engine.manifest.id == view.network,
        )
        for engine in services.catalogue.networks
    )


def shell(services: Services, view: View) -> Shell:
    """The parts for a view; network links lead to its gallery in each network."""
    usual = GridOptions()
    return Shell(
        networks=network_links(services, view, View.gallery),
        view=view,
        palette=view.palette.value,
        signed_ramp=ramp_stops(view, diverging=True),
        positive_ramp=ramp_stops(view, diverging=False),
        normalisations=tuple(
            Choice(
                one.value,
                *explanations.SHARING[one],
                one is usual.normalisation,
                one is view.normalize,
            )
            for one in Normalisation
        ),
        palettes=tuple(
            Choice(
                one.value,
                one.value,
                explanations.ZERO[one],
                one is usual.palette,
                one is view.palette,
            )
            for one in PaletteName
        ),
        sorts=tuple(
            Choice(one.value, *explanations.SORTING[one], one is usual.sort, one is view.sort)
            for one in Sort
        ),
    )


def digit_card(stored: StoredDigit) -> DigitCard:
    """The digit's card."""
    if stored.place is not None:
        origin = f"Digit {stored.place:,} of the test set, labelled {stored.label}."
    elif stored.label is not None:
        origin = f"A sample that ships with skiplens, meant as {_meant(stored)}."
    elif stored.inverted:
        origin = "Yours: dark ink on light ground, so it was inverted, cropped and centred."
    else:
        origin = "Yours: light ink on dark ground, cropped and centred as MNIST's digits were."
    return DigitCard(
        id=stored.digit.id,
        input_png=urls.input_png(stored.digit.id),
        alt=f"The digit as the network is given it, {SIDE} by {SIDE} pixels, white on black",
        origin=origin,
        warnings=stored.warnings,
    )


def _meant(stored: StoredDigit) -> str:
    return wording.with_article(str(stored.label))


def facts(engine: Engine) -> tuple[tuple[str, str], ...]:
    """A network in figures: name and value."""
    manifest: Manifest = engine.manifest
    rows = [
        ("layers", wording.thousands(len(manifest.layers))),
        ("weights", wording.thousands(manifest.parameters)),
    ]
    if manifest.test_accuracy is not None:
        accuracy = manifest.test_accuracy
        low, high = accuracy.interval
        rows.append(
            (
                f"of {accuracy.digits:,} test digits correct",
                f"{wording.percent(accuracy.value)}",
            )
        )
        rows.append(("95 % interval", f"{100 * low:.2f} to {wording.percent(high)}"))
    rows.append(("computed by", f"{_ENGINES.get(engine.name, engine.name)} on {engine.device}"))
    return tuple(rows)
