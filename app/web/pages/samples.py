"""The digits that ship, to choose from: links cut from one picture."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from app.core.digit import SIDE
from app.service.digits import StoredDigit
from app.web import urls
from app.web.pages.figures import Picture


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
        sheet=Picture(urls.samples_png(samples), SIDE * len(samples), SIDE),
        columns=tuple(tuple(columns[label]) for label in sorted(columns)),
    )
