"""What several pages show: the networks, sample digits, test digits, the prediction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from skiplens.core.digit import SIDE
from skiplens.core.manifest import AS_TRAINED
from skiplens.engine.base import Engine
from skiplens.service.dataset.activation_index import Index
from skiplens.service.dataset.labelled_digits import LabelledDigits
from skiplens.service.digit_store import StoredDigit
from skiplens.service.forward import ForwardPass
from skiplens.service.services import Services
from skiplens.web import links as addresses
from skiplens.web.api.dataset import SHEET_COLUMNS
from skiplens.web.links import Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.figures import Picture
from skiplens.web.pages.templating import NetworkLinks, Page

_ENGINES: Final = {"litert": "LiteRT", "keras": "Keras"}
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class ViewPage(Page):
    """A page about a network and a digit; ``links`` have the display options.

    ``address`` picks the page that the menu of networks leads to.
    """

    services: Services
    links: Links
    address: Callable[[Links], str] = Links.gallery

    @property
    def networks(self) -> NetworkLinks:
        """Links to the same page, or the gallery of the same digit, in each network."""
        return network_links(self.services, self.links, self.address)


def digit_page(
    context: PageContext, template: str, title: str, values: Mapping[str, Any]
) -> ViewPage:
    """A page about a digit in a network."""
    known = {"digit": context.stored, **values}
    return ViewPage(template, title, context.services, context.links, values=known)


def network_links(
    services: Services, links: Links, address: Callable[[Links], str]
) -> NetworkLinks:
    """The networks to choose from; ``address`` picks the page that each of them leads to."""
    manifests = [engine.manifest for engine in services.registry.networks]
    return tuple(
        (manifest, address(links.with_network(manifest)), manifest.id == links.network)
        for manifest in manifests
    )


def neighbour_links(
    items: Sequence[_Item], current: _Item, address: Callable[[_Item], str]
) -> tuple[tuple[_Item, str] | None, ...]:
    """The items before and after one of them, with their pages."""
    at = items.index(current)
    return tuple(
        (items[place], address(items[place])) if 0 <= place < len(items) else None
        for place in (at - 1, at + 1)
    )


def network_facts(engine: Engine) -> tuple[tuple[str, str], ...]:
    """A network in numbers: name and value."""
    manifest = engine.manifest
    rows = [
        ("layers", fmt.thousands(len(manifest.layers))),
        ("weights", fmt.thousands(manifest.parameters)),
    ]
    if (accuracy := manifest.test_accuracy) is not None:
        low, high = accuracy.interval
        rows += [
            (f"accuracy on {accuracy.digits:,} test digits", fmt.percent(accuracy.value)),
            ("95 % confidence interval", f"{100 * low:.2f} to {fmt.percent(high)}"),
        ]
    return (*rows, ("engine", f"{_ENGINES.get(engine.name, engine.name)} on {engine.device}"))


@dataclass(frozen=True)
class Tile:
    """A link with an image that is cut from another by ``box``, its ``viewBox``."""

    href: str
    text: str
    box: str
    current: bool
    caption: str = ""


@dataclass(frozen=True)
class Samples:
    """The samples, a column for each label."""

    sheet: Picture
    columns: tuple[tuple[Tile, ...], ...]


def sample_links(
    samples: Mapping[str, StoredDigit], current: str, address: Callable[[str], str]
) -> Samples:
    """The samples, by id, as links; ``address`` is the page of an id."""
    columns: dict[int, list[Tile]] = {}
    for position, (digit, stored) in enumerate(samples.items()):
        label = stored.label or 0
        box = f"{position * SIDE} 0 {SIDE} {SIDE}"
        tile = Tile(address(digit), f"{label}, {stored.style}", box, digit == current)
        columns.setdefault(label, []).append(tile)
    return Samples(
        sheet=Picture(addresses.samples_png(samples), SIDE * len(samples), SIDE),
        columns=tuple(tuple(columns[label]) for label in sorted(columns)),
    )


def sprite_sheet(
    collection: LabelledDigits, indices: Sequence[int]
) -> tuple[Picture, tuple[str, ...]]:
    """The image of some digits, at least one, and the ``viewBox`` of each.

    Samples have one image for all of them.
    """
    if collection.kind == "samples":
        picture = Picture(addresses.samples_png(collection.ids), SIDE * len(collection), SIDE)
        corners = [(index * SIDE, 0) for index in indices]
    else:
        columns = min(SHEET_COLUMNS, len(indices))
        rows = -(-len(indices) // columns)
        address = addresses.dataset_png(indices, collection.sha256)
        picture = Picture(address, columns * SIDE, rows * SIDE)
        corners = [(at % columns * SIDE, at // columns * SIDE) for at in range(len(indices))]
    return picture, tuple(f"{x} {y} {SIDE} {SIDE}" for x, y in corners)


@dataclass(frozen=True)
class ClassProbability:
    """Probability of a class, 0..1, and the same with every block on."""

    label: str
    share: float
    baseline: float
    first: bool


@dataclass(frozen=True)
class PredictionView:
    """The most probable class, and the probability of each."""

    label: str
    share: float
    classes: tuple[ClassProbability, ...]
    scaled: str | None
    """Which branches are scaled; ``None`` if every factor is 1, as is the sentence on that."""
    sentence: str | None


def prediction_view(services: Services, forward: ForwardPass) -> PredictionView:
    """The prediction, compared with that of the network with every block on."""
    engine = services.registry.network(forward.manifest.id)
    return compare_predictions(forward, services.runner.run(engine, forward.digit, AS_TRAINED))


def compare_predictions(forward: ForwardPass, baseline: ForwardPass) -> PredictionView:
    """The prediction of ``forward``; ``baseline`` has every factor 1."""
    names = forward.manifest.classes
    probabilities = zip(
        names, forward.probabilities.tolist(), baseline.probabilities.tolist(), strict=True
    )
    classes = tuple(
        ClassProbability(label, now, before, first=at == forward.label)
        for at, (label, now, before) in enumerate(probabilities)
    )
    return PredictionView(
        label=names[forward.label],
        share=classes[forward.label].share,
        classes=classes,
        scaled=fmt.describe_scales(forward.scales) if forward.scales else None,
        sentence=_describe_change(forward, classes[baseline.label]) if forward.scales else None,
    )


def _describe_change(forward: ForwardPass, predicted: ClassProbability) -> str:
    """Whether the class that is most probable with every block on still is."""
    scaled = fmt.describe_scales(forward.scales)
    scaled = scaled[0].upper() + scaled[1:]
    baseline = fmt.percent(predicted.baseline)
    if predicted.first:
        now = fmt.percent(predicted.share)
        return (
            f"{scaled}, the prediction is still {predicted.label}: {now} now, "
            f"{baseline} with every block on."
        )
    return (
        f"{scaled}, the prediction changes: with every block on it is {predicted.label}, "
        f"at {baseline}."
    )


@dataclass(frozen=True)
class DigitTile:
    """A labelled digit and its prediction."""

    href: str
    box: str
    label: int
    prediction: int
    share: float
    name: str


@dataclass(frozen=True)
class DigitTiles:
    """Digits of a collection, cut from one image; ``None`` if there are no digits."""

    sheet: Picture | None
    tiles: tuple[DigitTile, ...]


def digit_tiles(
    collection: LabelledDigits, index: Index, indices: Sequence[int], links: Links
) -> DigitTiles:
    """Digits of a collection with the predictions of the index; each leads to its gallery."""
    if not indices:
        return DigitTiles(None, ())
    sheet, boxes = sprite_sheet(collection, indices)
    kind = "test digit" if collection.kind == "dataset" else "sample"
    return DigitTiles(
        sheet,
        tuple(
            DigitTile(
                href=links.with_digit(collection.ids[position]).gallery(),
                box=box,
                label=collection.label(position),
                prediction=int(index.predictions[position]),
                share=float(index.confidences[position]),
                name=f"{kind} {position:,}",
            )
            for position, box in zip(indices, boxes, strict=True)
        ),
    )
