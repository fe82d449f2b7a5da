"""The network map: every block in one line, each path as wide as the norm of what it carries."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from skiplens.core.block_metrics import BlockNorms
from skiplens.core.manifest import BlockInfo
from skiplens.service.forward import ForwardPass
from skiplens.web.links import Links
from skiplens.web.pages import fmt
from skiplens.web.pages.text import Symbols, symbols_of_block, symbols_of_blocks

LONGEST_IN_MAP: Final = 2
"""Characters of a class that have room in the head."""

# Units of the drawing: CSS pixels where there is room.
HEIGHT: Final = 116
_AXIS: Final = 72  # of the identity path
_CREST: Final = 22  # of a branch
_TOUCH, _DOT = 14.0, 7.0  # radii of a toggle
_END: Final = 56  # the stem, and the head
_ALL_BLOCKS: Final = 900
_NARROWEST, _WIDEST = 11.0, 150.0  # one block: 80 of them have room on one screen
_NUMBERED: Final = 20.0  # a block of this width has room for its number; else every fifth has
_NAMED: Final = 64.0  # a block of this width has room for its name and its norms
_THICKEST, _THINNEST = 11.0, 1.5
_THICKEST_SHARE: Final = 0.35  # of a block, where there are very many


@dataclass(frozen=True)
class Line:
    """A path. The tone is ``identity``, ``residual`` or ``chain``."""

    tone: str
    path: str
    width: float


@dataclass(frozen=True)
class MapBlock:
    """A block."""

    name: str
    label: str
    """The name, or its number where the name has no room."""
    title: str
    """Name and norms, for people."""
    href: str
    """Of its page; empty where the whole block is its switch."""
    current: bool
    left: float
    width: float
    lines: tuple[Line, ...]
    projection: float | None
    """Where the identity changes shape."""
    merge: float | None
    """Where the two paths meet."""
    branch: Line | None
    toggle: str | None
    """The same page with the branch switched off, or on again."""
    factor: float
    ratio: str | None
    """``F(x) / x``, where it has room."""

    @property
    def middle(self) -> float:
        """Where the branch is highest."""
        return self.left + self.width / 2

    @property
    def state(self) -> str:
        """``on``, ``off``, or the factor of the branch."""
        if self.factor in (0, 1):
            return "on" if self.factor else "off"
        return f"{fmt.TIMES}{fmt.NARROW}{fmt.branch_factor(self.factor)}"


@dataclass(frozen=True)
class NetworkMap:
    """The map of a network on one input."""

    width: float
    touch: float
    """Radius in which a toggle can be hit."""
    dot: float
    """Radius of a toggle."""
    stem: Line
    head: Line
    blocks: tuple[MapBlock, ...]
    symbols: Symbols | None
    """Of its two paths; ``None`` without identity paths."""
    leads_on: bool = True
    """Whether its ends are links to the gallery."""
    height: int = HEIGHT
    axis: int = _AXIS
    crest: int = _CREST

    @property
    def shared_state(self) -> str:
        """The factor of all branches that are on, where it is said once for want of room."""
        on = [block for block in self.blocks if block.factor]
        factors = {block.factor for block in on}
        narrow = len(on) > 1 and not any(block.ratio for block in on)
        return on[0].state if narrow and len(factors) == 1 and factors != {1.0} else ""


def network_map(
    forward: ForwardPass, links: Links, address: Callable[[Links], str], current: str
) -> NetworkMap:
    """The map, with a link to every block and a toggle on every branch that can be scaled.

    Args:
        forward: gives the norms.
        links: of the page.
        address: of the page under other links: where a toggle leads.
        current: name of the block that the page is about, if any.
    """
    blocks = forward.manifest.blocks
    step = min(max(_ALL_BLOCKS / max(len(blocks), 1), _NARROWEST), _WIDEST)
    widths = _Widths(forward, min(_THICKEST, _THICKEST_SHARE * step))
    page = _Page(links, address, current)
    drawn = tuple(
        _block(block, widths, page, _END + at * step, step, number=step >= _NUMBERED or not at % 5)
        for at, block in enumerate(blocks)
    )
    right = _END + len(blocks) * step
    first, last = (blocks[0].input, blocks[-1].output) if blocks else ("", "")
    return NetworkMap(
        width=right + _END,
        touch=min(_TOUCH, step / 2),
        dot=min(_DOT, 0.4 * step),
        stem=Line(_tone(blocks[:1]), f"M14 {_AXIS}H{_END}", widths.layer(first)),
        head=Line(_tone(blocks[-1:]), f"M{right:g} {_AXIS}h30", widths.layer(last)),
        blocks=drawn,
        symbols=symbols_of_blocks(blocks) if forward.manifest.has_identity_paths else None,
    )


class _Widths:
    """Line widths in proportion to the norms of a forward pass."""

    def __init__(self, forward: ForwardPass, thickest: float) -> None:
        self._thickest = thickest
        blocks = forward.manifest.blocks
        self.switches = forward.manifest.disableable_blocks
        self.norms = {block.name: forward.block_norms(block) for block in blocks}
        ends = {name for block in blocks for name in (block.input, block.output)}
        self._of_layers = {name: forward.norm(name) for name in ends}
        every = [self._of_layers[block.input] for block in blocks]
        every += [one for norms in self.norms.values() for one in norms]
        self._largest = max(every, default=0.0) or 1.0

    def of(self, length: float) -> float:
        """The width for a norm."""
        return round(max(_THINNEST, self._thickest * min(length / self._largest, 1.0)), 2)

    def layer(self, name: str) -> float:
        """The width for the maps of a layer."""
        return self.of(self._of_layers[name]) if name else _THINNEST


def _tone(blocks: tuple[BlockInfo, ...]) -> str:
    return "identity" if any(block.identity for block in blocks) else "chain"


@dataclass(frozen=True)
class _Page:
    links: Links
    address: Callable[[Links], str]
    current: str


def _block(  # one parameter each
    block: BlockInfo, widths: _Widths, page: _Page, left: float, step: float, *, number: bool
) -> MapBlock:
    links = page.links
    found, named = widths.norms[block.name], step >= _NAMED
    right, factor = left + step, links.scales.of(block.name)
    inset = step * 0.1
    start, end = left + inset, right - inset
    return MapBlock(
        name=block.name,
        label=block.name if named else _number(block.name) if number else "",
        title=_title(block, found),
        href=links.block(block.name),
        current=block.name == page.current,
        left=left,
        width=step,
        lines=_identity(block, found, widths, (left, start, end, right)),
        projection=(start + end) / 2 if block.identity not in (None, block.input) else None,
        merge=end if block.identity else None,
        branch=Line("residual", _arc(start, end), widths.of(found.residual))
        if block.identity
        else None,
        toggle=page.address(links.with_block_toggled(block.name, widths.switches))
        if block.can_disable
        else None,
        factor=factor,
        ratio=f"{found.ratio:.2f}"
        if named and block.identity and block.merge != "multiply"
        else None,
    )


def _identity(
    block: BlockInfo,
    found: BlockNorms,
    widths: _Widths,
    at: tuple[float, float, float, float],
) -> tuple[Line, ...]:
    left, start, end, right = at
    enters, leaves = widths.layer(block.input), widths.layer(block.output)
    if not block.identity:
        middle = (left + right) / 2
        return (
            Line("chain", _straight(left, middle), enters),
            Line("chain", _straight(middle, right), leaves),
        )
    return (
        Line("identity", _straight(left, start), enters),
        Line("identity", _straight(start, end), widths.of(found.x)),
        Line("identity", _straight(end, right), leaves),
    )


def _straight(start: float, end: float) -> str:
    return f"M{start:g} {_AXIS}H{end:g}"


def _arc(start: float, end: float) -> str:
    """A branch that leaves the identity path, bows out and comes back."""
    middle, reach = (start + end) / 2, (end - start) * 0.27
    return (
        f"M{start:g} {_AXIS}C{start + reach:g} {_AXIS} {middle - reach:g} {_CREST} "
        f"{middle:g} {_CREST}S{end - reach:g} {_AXIS} {end:g} {_AXIS}"
    )


def _number(name: str) -> str:
    digits = re.search(r"\d+$", name)
    return digits.group() if digits else name


def _title(block: BlockInfo, found: BlockNorms) -> str:
    if not block.identity:
        return f"{block.name}: output {fmt.number(found.residual)}"
    symbols = symbols_of_block(block)
    return (
        f"{block.name}: {symbols.x} {fmt.number(found.x)}, {symbols.f} {fmt.number(found.residual)}"
    )
