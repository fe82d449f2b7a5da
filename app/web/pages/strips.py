"""The strip of a block on a page: what each of its rows is, and what it shows in words."""

from dataclasses import dataclass
from typing import Final

from app.core.manifest import BlockInfo
from app.service.matrices import Matrix
from app.web.pages import explanations, wording
from app.web.pages.subject import Subject

_X: Final = "x: what the block is given, the output of the one before."
_TONES: Final = {"x": "identity", "projected x": "identity", "F(x)": "residual"}


@dataclass(frozen=True)
class StripRow:
    """One row of a strip.

    Attributes:
        role: ``x``, ``F(x)`` and so on.
        tone: ``identity``, ``residual`` or nothing.
        href: the page of the layer that it shows.
        layer: name of that layer.
        values: address of its maps as an array.
        filter_href: a filter's page, with ``{filter}`` to be filled in.
        explanation: what it is.
    """

    role: str
    tone: str
    href: str
    layer: str
    values: str
    filter_href: str
    explanation: str


def tone(role: str) -> str:
    """Which of the two colours a row has, if any: ``identity`` or ``residual``."""
    return _TONES.get(role, "")


def strip_rows(subject: Subject, strip: Matrix) -> tuple[StripRow, ...]:
    """The rows of a strip, top to bottom."""
    manifest = subject.engine.manifest
    return tuple(
        StripRow(
            role=row.role,
            tone=tone(row.role),
            href=subject.view.layer(row.layer.name),
            layer=row.layer.name,
            values=subject.view.data(row.layer.name, "activations.npy"),
            filter_href=subject.view.filter(row.layer.name, "{filter}"),
            explanation=_X if row.role == "x" else explanations.of_layer(manifest, row.layer),
        )
        for row in strip.rows
    )


def strip_alt(block: BlockInfo, strip: Matrix) -> str:
    """What a strip shows, for people who do not see it."""
    roles = wording.listed([row.role for row in strip.rows])
    low, high = strip.range
    return (
        f"{roles} of {block.name} as rows, one column for each of its "
        f"{wording.plural(strip.geometry.columns, 'filter')}, on one scale from "
        f"{wording.number(low)} to {wording.number(high)}"
    )
