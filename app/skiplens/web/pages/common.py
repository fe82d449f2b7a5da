"""What several pages show: menus, the digit, sample digits, the prediction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, TypeVar

from skiplens.core.colormaps import PaletteName
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
from skiplens.web.links import DEFAULT, Links
from skiplens.web.pages import format as fmt
from skiplens.web.pages import text
from skiplens.web.pages.figures import Picture, ramp_stops
from skiplens.web.pages.templating import NetworkLink, Page

_ENGINES: Final = {"litert": "LiteRT", "keras": "Keras"}
_Option = TypeVar("_Option", bound=StrEnum)


@dataclass(frozen=True)
class SelectOption:
    """One option of a menu; ``value`` is what the form sends."""

    value: str
    text: str
    selected: bool
    description: str = ""
    default: bool = False


@dataclass(frozen=True)
class ViewPage(Page):
    """A page about a network and a digit, with menus for how maps are drawn.

    ``values`` is what else the template shows, read as attributes; ``address`` picks the page that
    the menu of networks leads to.
    """

    services: Services
    links: Links
    values: Mapping[str, Any]
    address: Callable[[Links], str] = Links.gallery

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # templates read any type
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def networks(self) -> tuple[NetworkLink, ...]:
        """Links to the same page, or the gallery of the same digit, in each network."""
        return network_links(self.services, self.links, self.address)

    @property
    def palette(self) -> PaletteName:
        """Chooses the background of maps."""
        return self.links.palette

    @property
    def signed_ramp(self) -> tuple[tuple[str, str], ...]:
        """The palette for signed values."""
        return ramp_stops(self.palette, diverging=True)

    @property
    def positive_ramp(self) -> tuple[tuple[str, str], ...]:
        """The palette for values that are never negative."""
        return ramp_stops(self.palette, diverging=False)

    @property
    def normalisations(self) -> tuple[SelectOption, ...]:
        """What may share a value range."""
        return _options(text.SHARING, self.links.normalize, DEFAULT.normalisation)

    @property
    def palettes(self) -> tuple[SelectOption, ...]:
        """Every pair of palettes."""
        texts = {palette: (palette.value, meaning) for palette, meaning in text.ZERO.items()}
        return _options(texts, self.palette, DEFAULT.palette)

    @property
    def sorts(self) -> tuple[SelectOption, ...]:
        """Orders of a layer's maps."""
        return _options(text.SORTING, self.links.sort, DEFAULT.sort)


def _options(
    texts: Mapping[_Option, tuple[str, str]], selected: _Option, default: _Option
) -> tuple[SelectOption, ...]:
    return tuple(
        SelectOption(option.value, name, option is selected, description, option is default)
        for option, (name, description) in texts.items()
    )


def network_links(
    services: Services, links: Links, address: Callable[[Links], str]
) -> tuple[NetworkLink, ...]:
    """The networks to choose from; ``address`` picks the page that each of them leads to."""
    return tuple(
        NetworkLink(
            title=engine.manifest.title,
            summary=engine.manifest.summary,
            href=address(links.with_network(engine.manifest)),
            current=engine.manifest.id == links.network,
        )
        for engine in services.registry.networks
    )


def neighbour_links(
    names: Sequence[str], position: int, address: Callable[[int], str]
) -> tuple[tuple[str, str] | None, ...]:
    """Name and page before and after a position; ``address`` is the page of a position."""
    return tuple(
        (names[at], address(at)) if 0 <= at < len(names) else None
        for at in (position - 1, position + 1)
    )


@dataclass(frozen=True)
class DigitCard:
    """The network's input."""

    input_png: str
    alt: str
    provenance: str
    warnings: tuple[str, ...]


def digit_card(stored: StoredDigit) -> DigitCard:
    """The card of a sample, a test digit or an upload."""
    if stored.dataset_index is not None:
        provenance = f"Digit {stored.dataset_index:,} of the test set, labelled {stored.label}."
    elif stored.label is not None:
        provenance = f"A sample digit of skiplens, labelled {stored.label}."
    elif stored.inverted:
        provenance = (
            "Your image: dark on a light background, so it was inverted, cropped and centred."
        )
    else:
        provenance = (
            "Your image: light on a dark background, cropped and centred like MNIST's digits."
        )
    return DigitCard(
        input_png=addresses.input_png(stored.digit.id),
        alt=f"The network's input, {SIDE} by {SIDE} pixels, white on black",
        provenance=provenance,
        warnings=stored.warnings,
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
class SampleLink:
    """A sample digit; ``box`` is its ``viewBox`` on the sprite sheet."""

    href: str
    text: str
    box: str
    current: bool


@dataclass(frozen=True)
class Samples:
    """The samples, a column for each label."""

    sheet: Picture
    columns: tuple[tuple[SampleLink, ...], ...]


def sample_links(
    samples: Mapping[str, StoredDigit], current: str, address: Callable[[str], str]
) -> Samples:
    """The samples, by id, as links; ``address`` is the page of an id."""
    columns: dict[int, list[SampleLink]] = {}
    for position, (digit, stored) in enumerate(samples.items()):
        label = stored.label or 0
        columns.setdefault(label, []).append(
            SampleLink(
                href=address(digit),
                text=f"{label}, {stored.style}",
                box=f"{position * SIDE} 0 {SIDE} {SIDE}",
                current=digit == current,
            )
        )
    return Samples(
        sheet=Picture(addresses.samples_png(samples), SIDE * len(samples), SIDE),
        columns=tuple(tuple(columns[label]) for label in sorted(columns)),
    )


@dataclass(frozen=True)
class SpriteSheet:
    """Digits in one image, with the ``viewBox`` of each."""

    picture: Picture
    boxes: tuple[str, ...]


def sprite_sheet(collection: LabelledDigits, indices: Sequence[int]) -> SpriteSheet:
    """The image of some digits, at least one; samples have one image for all of them."""
    if collection.kind == "samples":
        picture = Picture(addresses.samples_png(collection.ids), SIDE * len(collection), SIDE)
        corners = [(index * SIDE, 0) for index in indices]
    else:
        columns = min(SHEET_COLUMNS, len(indices))
        rows = -(-len(indices) // columns)
        address = addresses.dataset_png(indices, collection.sha256)
        picture = Picture(address, columns * SIDE, rows * SIDE)
        corners = [(at % columns * SIDE, at // columns * SIDE) for at in range(len(indices))]
    return SpriteSheet(picture, tuple(f"{x} {y} {SIDE} {SIDE}" for x, y in corners))


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

    sheet: SpriteSheet | None
    tiles: tuple[DigitTile, ...]


def digit_tiles(
    collection: LabelledDigits, index: Index, indices: Sequence[int], links: Links
) -> DigitTiles:
    """Digits of a collection with the predictions of the index; each leads to its gallery."""
    if not indices:
        return DigitTiles(None, ())
    sheet = sprite_sheet(collection, indices)
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
            for position, box in zip(indices, sheet.boxes, strict=True)
        ),
    )
