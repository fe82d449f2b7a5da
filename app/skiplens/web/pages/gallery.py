"""The gallery page: network diagram, and every layer's maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from skiplens.core.manifest import AS_TRAINED, BlockInfo, BlockMetrics, LayerInfo
from skiplens.service.analysis import all_block_metrics, classic_blocks
from skiplens.service.forward import ForwardPass
from skiplens.web.links import Links
from skiplens.web.pages import common, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.block import in_a_sentence
from skiplens.web.pages.common import (
    DigitCard,
    PredictionView,
    Samples,
    ViewPage,
    prediction_view,
    sample_links,
)
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import Downloads, of_gallery
from skiplens.web.pages.figures import LayerFigure, layer_figure, network_range
from skiplens.web.pages.text import Symbols

WIDEST: Final = 15.0  # of the rail's 120 units across
THINNEST: Final = 1.5


@dataclass(frozen=True)
class BlockDiagram:
    """One block's part of the spine. Widths are of lines, in units of the rail.

    Attributes:
        name: of the block.
        enters: width of what the block is given.
        identity: width of the identity as it enters the sum; 0 without an identity path.
        residual: width of the residual as it enters the sum.
        joined: width of the sum.
        leaves: width of the output.
        projected: whether the identity changes shape on its way.
        gated: whether a gate weighs the two.
        symbols: what the two are called as they enter the sum.
        can_disable: whether the branch is a link.
        off: whether the branch is switched off.
        left: width that it had before, of a branch that is off.
        toggle: the page with the branch switched over, at this piece of the spine.
    """

    name: str
    enters: float
    identity: float
    residual: float
    joined: float
    leaves: float
    projected: bool
    gated: bool
    symbols: Symbols
    can_disable: bool
    off: bool
    left: float
    toggle: str


class NetworkDiagram:
    """Line widths of one forward, all on one scale.

    Args:
        forward: whose norms.
        figures: of its blocks, by name.
        whole: the same with every block on.
    """

    def __init__(
        self,
        forward: ForwardPass,
        figures: Mapping[str, BlockMetrics],
        whole: Mapping[str, BlockMetrics],
    ) -> None:
        self._examination = forward
        self._figures = figures
        self._whole = whole
        norms = [self._norm(block.input) for block in forward.manifest.blocks]
        for one in figures.values():
            norms += [one.norm_x, one.norm_residual, one.norm_sum]
        self._largest = max(norms, default=0.0) or 1.0

    def width(self, norm: float) -> float:
        """The width of a line that carries this norm."""
        return round(max(THINNEST, WIDEST * min(norm / self._largest, 1.0)), 2)

    def of_layer(self, layer: str) -> float:
        """The width of a line that carries a layer's maps."""
        return self.width(self._norm(layer))

    def rail(self, block: BlockInfo, view: Links) -> BlockDiagram:
        """A block's part."""
        figures = self._figures[block.name]
        switches = self._examination.manifest.disableable_blocks
        return BlockDiagram(
            name=block.name,
            enters=self.of_layer(block.input),
            identity=self.width(figures.norm_x) if block.identity else 0.0,
            residual=self.width(figures.norm_residual),
            joined=self.width(figures.norm_sum),
            leaves=self.of_layer(block.output),
            projected=block.identity not in (None, block.input),
            gated=block.gate is not None,
            symbols=text.symbols_of_block(block),
            can_disable=block.can_disable,
            off=block.name in view.scales.off,
            left=self.width(self._whole[block.name].norm_residual),
            toggle=view.with_block_toggled(block.name, switches).gallery(f"{block.name}-branch"),
        )

    def _norm(self, layer: str) -> float:
        return float(np.linalg.norm(self._examination.activations[layer].astype(np.float64)))


_HEADLINE: Final = ("identity", "residual", "gate", "sum", "output")


@dataclass(frozen=True)
class Stage:
    """The stem or the head.

    Attributes:
        figures: its layers.
        width: of the line that leaves the stem, or enters the head.
    """

    figures: tuple[LayerFigure, ...]
    width: float


@dataclass(frozen=True)
class BlockStage:
    """A block.

    Attributes:
        name: of the block.
        first: whether it is the first, where the words are explained.
        first_projected: whether it is the first that changes shape.
        shape: of its output, as text.
        closer: its own page.
        rail: its part of the spine.
        figures: its numbers; nothing without an identity path.
        sentence: the same in words.
        main: identity, residual, sum and output; of a block without identity path its output.
        inner: the layers of its branch.
    """

    name: str
    first: bool
    first_projected: bool
    shape: str
    closer: str
    rail: BlockDiagram
    figures: BlockMetrics | None
    sentence: str | None
    main: tuple[LayerFigure, ...]
    inner: tuple[LayerFigure, ...]


@dataclass(frozen=True)
class GalleryPage(ViewPage):
    """The gallery.

    Attributes:
        heading: title of the network.
        summary: one sentence about it.
        facts: name and value.
        digit: what the network is given.
        reading: what it answers.
        samples: to choose from.
        stem: the beginning.
        blocks: the middle.
        head: the end.
        depth: number of layers.
        zero_words: what dark and bright mean in the palette.
        residual: whether there are identity paths.
        all_on: the page with every block on.
        away: what can be taken away.
        over_depth: the page of what happens over the depth.
        dataset: the page of the data set, and how many digits it has; nothing without one.
        compare: this digit beside another.
        classic: the pictures of 2016, where the network has them.
        network_range: of every map, for a script.
    """

    template: ClassVar[str] = "gallery.html"

    heading: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    digit: DigitCard
    reading: PredictionView
    samples: Samples
    stem: Stage
    blocks: tuple[BlockStage, ...]
    head: Stage
    depth: int
    zero_words: str
    residual: bool
    all_on: str
    away: Downloads
    over_depth: str
    dataset: tuple[str, int] | None
    compare: str
    classic: str | None
    network_range: str


def gallery_page(context: PageContext, origin: str) -> GalleryPage:
    """The gallery of a digit in a network; ``origin`` is the server's address."""
    services, engine, view = context.services, context.engine, context.view
    manifest, forward = engine.manifest, context.forward
    found = {one.block: one for one in all_block_metrics(forward)}
    whole = services.runner.run(engine, context.stored.digit, AS_TRAINED)
    spine = NetworkDiagram(forward, found, {one.block: one for one in all_block_metrics(whole)})
    read = prediction_view(services, forward)
    return GalleryPage(
        title=f"{read.label} in {manifest.title}",
        **vars(common.shell(services, view)),
        heading=manifest.title,
        summary=manifest.summary,
        facts=common.facts(engine),
        digit=common.digit_card(context.stored),
        reading=read,
        samples=sample_links(
            services.digits.samples, view.digit, lambda digit: view.with_digit(digit).gallery()
        ),
        stem=_stage(forward, "stem", spine.of_layer(manifest.blocks[0].input), view),
        blocks=_blocks(context, spine, found),
        head=_stage(forward, "head", spine.of_layer(manifest.blocks[-1].output), view),
        depth=len(manifest.layers),
        zero_words=text.ZERO[view.palette],
        residual=any(block.identity for block in manifest.blocks),
        all_on=view.all_on().gallery(),
        away=of_gallery(view, origin),
        over_depth=view.depth(),
        dataset=_dataset(context),
        compare=default_comparison_link(context),
        classic=view.classic() if classic_blocks(manifest) else None,
        network_range=network_range(forward),
    )


def _dataset(context: PageContext) -> tuple[str, int] | None:
    indexes = context.services.indexes
    return (context.view.dataset(), len(indexes.dataset)) if indexes.has_dataset else None


def _figures(forward: ForwardPass, layers: list[LayerInfo], view: Links) -> tuple[LayerFigure, ...]:
    return tuple(layer_figure(forward, layer, view) for layer in layers)


def _stage(forward: ForwardPass, place: str, width: float, view: Links) -> Stage:
    layers = [one for one in forward.manifest.layers if one.place == place]
    return Stage(_figures(forward, layers, view), width)


def _blocks(
    context: PageContext, spine: NetworkDiagram, found: Mapping[str, BlockMetrics]
) -> tuple[BlockStage, ...]:
    forward, view = context.forward, context.view
    manifest = forward.manifest
    projecting = [one.name for one in manifest.blocks if one.identity not in (None, one.input)]
    stages = []
    for block in manifest.blocks:
        layers = [one for one in manifest.layers if one.block == block.name]
        main = [one for one in layers if one.role in _HEADLINE]
        inner = [one for one in layers if one.role not in _HEADLINE]
        numbers = found[block.name] if block.identity else None
        off = block.name in view.scales.off
        stages.append(
            BlockStage(
                name=block.name,
                first=block is manifest.blocks[0],
                first_projected=block.name in projecting[:1],
                shape=fmt.shape(*layers[-1].shape),
                closer=view.block(block.name),
                rail=spine.rail(block, view),
                figures=numbers,
                sentence=in_a_sentence(numbers, block, off=off) if numbers else None,
                main=_figures(forward, main, view),
                inner=_figures(forward, inner, view),
            )
        )
    return tuple(stages)
