"""What several pages show: the site's frame, samples, digit cards, predictions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from skiplens.core.colormaps import PaletteName
from skiplens.core.digit import SIDE
from skiplens.core.feature_stats import Sort
from skiplens.core.manifest import AS_TRAINED, Manifest
from skiplens.core.value_range import Normalisation
from skiplens.engine.base import Engine
from skiplens.service.dataset.activation_index import Index
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import ForwardPass
from skiplens.service.images import GridOptions
from skiplens.service.services import Services
from skiplens.web import links
from skiplens.web.api.dataset import SHEET_COLUMNS
from skiplens.web.links import Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.figures import Picture, Stop, ramp_stops
from skiplens.web.pages.templating import NetworkLink, Page

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

    view: Links
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
    view: Links
    palette: str
    signed_ramp: tuple[Stop, ...]
    positive_ramp: tuple[Stop, ...]
    normalisations: tuple[Choice, ...]
    palettes: tuple[Choice, ...]
    sorts: tuple[Choice, ...]


def network_links(
    services: Services, view: Links, address: Callable[[Links], str]
) -> tuple[NetworkLink, ...]:
    """The networks to choose from; ``address`` is the page of a view in one of them."""
    return tuple(
        NetworkLink(
            title=engine.manifest.title,
            summary=engine.manifest.summary,
            href=address(view.with_network(engine.manifest)),
            current=engine.manifest.id == view.network,
        )
        for engine in services.registry.networks
    )


def shell(services: Services, view: Links) -> Shell:
    """The parts for a view; network links lead to its gallery in each network."""
    usual = GridOptions()
    return Shell(
        networks=network_links(services, view, Links.gallery),
        view=view,
        palette=view.palette.value,
        signed_ramp=ramp_stops(view, diverging=True),
        positive_ramp=ramp_stops(view, diverging=False),
        normalisations=tuple(
            Choice(
                one.value,
                *text.SHARING[one],
                one is usual.normalisation,
                one is view.normalize,
            )
            for one in Normalisation
        ),
        palettes=tuple(
            Choice(
                one.value,
                one.value,
                text.ZERO[one],
                one is usual.palette,
                one is view.palette,
            )
            for one in PaletteName
        ),
        sorts=tuple(
            Choice(one.value, *text.SORTING[one], one is usual.sort, one is view.sort)
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
        input_png=links.input_png(stored.digit.id),
        alt=f"The digit as the network is given it, {SIDE} by {SIDE} pixels, white on black",
        origin=origin,
        warnings=stored.warnings,
    )


def _meant(stored: StoredDigit) -> str:
    return fmt.with_article(str(stored.label))


def facts(engine: Engine) -> tuple[tuple[str, str], ...]:
    """A network in figures: name and value."""
    manifest: Manifest = engine.manifest
    rows = [
        ("layers", fmt.thousands(len(manifest.layers))),
        ("weights", fmt.thousands(manifest.parameters)),
    ]
    if manifest.test_accuracy is not None:
        accuracy = manifest.test_accuracy
        low, high = accuracy.interval
        rows.append(
            (
                f"of {accuracy.digits:,} test digits correct",
                f"{fmt.percent(accuracy.value)}",
            )
        )
        rows.append(("95 % interval", f"{100 * low:.2f} to {fmt.percent(high)}"))
    rows.append(("computed by", f"{_ENGINES.get(engine.name, engine.name)} on {engine.device}"))
    return tuple(rows)


@dataclass(frozen=True)
class SampleLink:
    """A digit that ships.

    Attributes:
        href: the gallery of it.
        text: what it is, in words.
        box: of it on the sheet of samples, as an SVG view box has it.
        current: whether it is the one shown.
    """

    href: str
    text: str
    box: str
    current: bool


@dataclass(frozen=True)
class Samples:
    """The digits that ship.

    Attributes:
        sheet: the picture that they are cut from.
        columns: the samples of each label, in its order.
    """

    sheet: Picture
    columns: tuple[tuple[SampleLink, ...], ...]


def sample_links(
    samples: Mapping[str, StoredDigit],
    current: str,
    address: Callable[[str], str],
) -> Samples:
    """The samples, with the place of each on the sheet.

    Args:
        samples: by id.
        current: id of the one shown.
        address: where the sample of an id leads.
    """
    columns: dict[int, list[SampleLink]] = {}
    for place, (digit, stored) in enumerate(samples.items()):
        label = stored.label or 0
        columns.setdefault(label, []).append(
            SampleLink(
                href=address(digit),
                text=f"{label}, {stored.style}",
                box=f"{place * SIDE} 0 {SIDE} {SIDE}",
                current=digit == current,
            )
        )
    return Samples(
        sheet=Picture(links.samples_png(samples), SIDE * len(samples), SIDE),
        columns=tuple(tuple(columns[label]) for label in sorted(columns)),
    )


@dataclass(frozen=True)
class Sheet:
    """Digits on one picture.

    Attributes:
        picture: all of them.
        boxes: of each, as an SVG view box has it.
    """

    picture: Picture
    boxes: tuple[str, ...]


def sheet_of(collection: LabelledDigits, places: Sequence[int]) -> Sheet:
    """The sheet that shows some digits of a collection.

    Args:
        collection: the samples, which have one sheet for all, or the data set.
        places: of the digits, at least one.
    """
    if collection.kind == "samples":
        picture = Picture(links.samples_png(collection.ids), SIDE * len(collection), SIDE)
        corners = [(place * SIDE, 0) for place in places]
    else:
        columns = min(SHEET_COLUMNS, len(places))
        rows = -(-len(places) // columns)
        address = links.dataset_png(places, collection.sha256)
        picture = Picture(address, columns * SIDE, rows * SIDE)
        corners = [(at % columns * SIDE, at // columns * SIDE) for at in range(len(places))]
    return Sheet(picture, tuple(f"{x} {y} {SIDE} {SIDE}" for x, y in corners))


BAR: Final = 100.0


@dataclass(frozen=True)
class ClassProbability:
    """One class.

    Attributes:
        label: of the class.
        share: its probability.
        bar: the same, 0..100.
        whole: probability with every factor 1; the same where every factor is 1.
        whole_bar: the same, 0..100.
        first: whether it is the most probable.
    """

    label: str
    share: float
    bar: float
    whole: float
    whole_bar: float
    first: bool


@dataclass(frozen=True)
class PredictionView:
    """What is read.

    Attributes:
        label: the most probable class.
        share: its probability.
        chances: every class.
        scaled: which branches are scaled, in words; ``None`` where every factor is 1.
        whole_label: what the whole network reads.
        whole_share: and how probable that is.
        sentence: the change, in words; nothing where all blocks are on.
    """

    label: str
    share: float
    chances: tuple[ClassProbability, ...]
    scaled: str | None
    whole_label: str
    whole_share: float
    sentence: str | None


def prediction_view(services: Services, forward: ForwardPass) -> PredictionView:
    """The reading of an forward, held against that of the whole network."""
    engine = services.registry.network(forward.manifest.id)
    return reading(forward, services.runner.run(engine, forward.digit, AS_TRAINED))


def reading(forward: ForwardPass, whole: ForwardPass) -> PredictionView:
    """The same of two forward_passes that are there."""
    classes = forward.manifest.classes
    now, before = forward.probabilities, whole.probabilities
    chances = tuple(
        ClassProbability(
            label=label,
            share=float(now[at]),
            bar=round(BAR * float(now[at]), 2),
            whole=float(before[at]),
            whole_bar=round(BAR * float(before[at]), 2),
            first=at == forward.label,
        )
        for at, label in enumerate(classes)
    )
    return PredictionView(
        label=classes[forward.label],
        share=float(now[forward.label]),
        chances=chances,
        scaled=fmt.describe_scales(forward.scales) if forward.scales else None,
        whole_label=classes[whole.label],
        whole_share=float(before[whole.label]),
        sentence=_change(forward, whole) if forward.scales else None,
    )


def _change(forward: ForwardPass, whole: ForwardPass) -> str:
    classes = forward.manifest.classes
    label, share = classes[whole.label], float(whole.probabilities[whole.label])
    scaled = fmt.describe_scales(forward.scales)
    scaled = scaled[0].upper() + scaled[1:]
    if forward.label == whole.label:
        now = fmt.percent(float(forward.probabilities[whole.label]))
        return (
            f"{scaled}, it still reads {fmt.with_article(label)}: {now} now, "
            f"{fmt.percent(share)} with every block on."
        )
    return (
        f"{scaled}, the answer changes: the whole network reads "
        f"{fmt.with_article(label)}, at {fmt.percent(share)}."
    )


@dataclass(frozen=True)
class ReadTile:
    """A digit and how it is read.

    Attributes:
        href: the gallery of it.
        box: of it on the sheet.
        label: what it is meant to be.
        answer: what it is read as.
        share: how sure that is.
        wrong: whether the two differ.
        name: which digit it is.
    """

    href: str
    box: str
    label: str
    answer: str
    share: str
    wrong: bool
    name: str


@dataclass(frozen=True)
class Tiles:
    """Digits of a collection.

    Attributes:
        sheet: the picture that they are cut from; nothing where there is none.
        tiles: one for each.
    """

    sheet: Sheet | None
    tiles: tuple[ReadTile, ...]


def read_tiles(
    collection: LabelledDigits, index: Index, places: Sequence[int], view: Links
) -> Tiles:
    """Digits of a collection, as the index's network reads them; each leads to its gallery."""
    if not places:
        return Tiles(None, ())
    sheet = sheet_of(collection, places)
    pairs = zip(places, sheet.boxes, strict=True)
    return Tiles(sheet, tuple(_tile(collection, index, place, box, view) for place, box in pairs))


def _tile(collection: LabelledDigits, index: Index, place: int, box: str, view: Links) -> ReadTile:
    label, answer = collection.label(place), int(index.predictions[place])
    share = fmt.percent(float(index.confidences[place]))
    kind = "test digit" if collection.kind == "dataset" else "sample"
    return ReadTile(
        href=view.with_digit(collection.ids[place]).gallery(),
        box=box,
        label=str(label),
        answer=str(answer),
        share=share,
        wrong=label != answer,
        name=f"{kind} {place:,}",
    )
