"""The gallery page: network diagram, and every layer's maps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from skiplens.core.manifest import AS_TRAINED, BlockInfo, BlockMetrics, LayerInfo
from skiplens.service.analysis import all_block_metrics, classic_blocks
from skiplens.service.forward import ForwardPass
from skiplens.web.links import Links
from skiplens.web.pages import common, text
from skiplens.web.pages import format as fmt
from skiplens.web.pages.block import describe_metrics
from skiplens.web.pages.common import (
    ViewPage,
    prediction_view,
    sample_links,
)
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import gallery_downloads
from skiplens.web.pages.figures import LayerFigure, layer_figure, network_range
from skiplens.web.pages.text import Symbols

WIDEST: Final = 15.0  # of the diagram's 120 units across
THINNEST: Final = 1.5


@dataclass(frozen=True)
class BlockDiagram:
    """One block's part of the diagram. Widths are of lines, in its units."""

    name: str
    input_width: float
    identity_width: float
    """At the sum; 0 without an identity path."""
    residual_width: float
    """At the sum."""
    sum_width: float
    output_width: float
    previous_width: float
    """Of the branch before it was switched off."""
    projected: bool
    """Whether the identity changes shape."""
    gated: bool
    symbols: Symbols
    can_disable: bool
    off: bool
    toggle: str
    """The page with the branch switched on or off."""


class NetworkDiagram:
    """Line widths of one forward pass, on one scale; ``baseline`` is of every block on."""

    def __init__(
        self,
        forward: ForwardPass,
        metrics: Mapping[str, BlockMetrics],
        baseline: Mapping[str, BlockMetrics],
    ) -> None:
        self._forward = forward
        self._metrics = metrics
        self._baseline = baseline
        norms = [self._norm(block.input) for block in forward.manifest.blocks]
        for block in metrics.values():
            norms += [block.norm_x, block.norm_residual, block.norm_sum]
        self._largest = max(norms, default=0.0) or 1.0

    def width(self, norm: float) -> float:
        """Width of the line of a norm."""
        return round(max(THINNEST, WIDEST * min(norm / self._largest, 1.0)), 2)

    def layer_width(self, layer: str) -> float:
        """Width of the line of a layer's maps."""
        return self.width(self._norm(layer))

    def block(self, block: BlockInfo, links: Links) -> BlockDiagram:
        """A block's part of the diagram."""
        metrics = self._metrics[block.name]
        switches = self._forward.manifest.disableable_blocks
        return BlockDiagram(
            name=block.name,
            input_width=self.layer_width(block.input),
            identity_width=self.width(metrics.norm_x) if block.identity else 0.0,
            residual_width=self.width(metrics.norm_residual),
            sum_width=self.width(metrics.norm_sum),
            output_width=self.layer_width(block.output),
            previous_width=self.width(self._baseline[block.name].norm_residual),
            projected=_is_projected(block),
            gated=block.gate is not None,
            symbols=text.symbols_of_block(block),
            can_disable=block.can_disable,
            off=block.name in links.scales.off,
            toggle=links.with_block_toggled(block.name, switches).gallery(f"{block.name}-branch"),
        )

    def _norm(self, layer: str) -> float:
        return float(np.linalg.norm(self._forward.activations[layer].astype(np.float64)))


def _is_projected(block: BlockInfo) -> bool:
    return block.identity not in (None, block.input)


_HEADLINE: Final = ("identity", "residual", "gate", "sum", "output")


def gallery_page(context: PageContext, origin: str) -> ViewPage:
    """The gallery of a digit in a network; ``origin`` is the server's address."""
    services, engine, links = context.services, context.engine, context.links
    manifest, forward = engine.manifest, context.forward
    metrics = {block.block: block for block in all_block_metrics(forward)}
    baseline = services.runner.run(engine, context.stored.digit, AS_TRAINED)
    diagram = NetworkDiagram(
        forward, metrics, {block.block: block for block in all_block_metrics(baseline)}
    )
    prediction = prediction_view(services, forward)
    indexes = services.indexes
    first, last = manifest.blocks[0], manifest.blocks[-1]
    return ViewPage(
        "gallery.html",
        f"{prediction.label} in {manifest.title}",
        services,
        links,
        {
            "manifest": manifest,
            "facts": common.network_facts(engine),
            "digit": common.digit_card(context.stored),
            "prediction": prediction,
            "samples": sample_links(
                services.digits.samples,
                links.digit,
                lambda digit: links.with_digit(digit).gallery(),
            ),
            "stem": _section(forward, "stem", links),
            "stem_width": diagram.layer_width(first.input),
            "blocks": _block_sections(context, diagram, metrics),
            "head": _section(forward, "head", links),
            "head_width": diagram.layer_width(last.output),
            "zero_text": text.ZERO[links.palette],
            "residual": any(block.identity for block in manifest.blocks),
            "all_on": links.all_on().gallery(),
            "downloads": gallery_downloads(links, origin),
            "dataset": (links.dataset(), len(indexes.dataset)) if indexes.has_dataset else None,
            "compare": default_comparison_link(context),
            "classic": links.classic() if classic_blocks(manifest) else None,
            "network_range": network_range(forward),
        },
    )


def _figures(
    forward: ForwardPass, layers: Sequence[LayerInfo], links: Links
) -> tuple[LayerFigure, ...]:
    return tuple(layer_figure(forward, layer, links) for layer in layers)


def _section(forward: ForwardPass, name: str, links: Links) -> tuple[LayerFigure, ...]:
    layers = [layer for layer in forward.manifest.layers if layer.section == name]
    return _figures(forward, layers, links)


def _block_sections(
    context: PageContext, diagram: NetworkDiagram, metrics: Mapping[str, BlockMetrics]
) -> list[dict[str, Any]]:
    """Every block with its part of the diagram and the figures of its main and inner layers.

    Terms are explained in the first block, and projections in the first that changes shape.
    """
    forward, links = context.forward, context.links
    manifest = forward.manifest
    projected = [block.name for block in manifest.blocks if _is_projected(block)]
    sections = []
    for block in manifest.blocks:
        layers = [layer for layer in manifest.layers if layer.block == block.name]
        main = [layer for layer in layers if layer.role in _HEADLINE]
        inner = [layer for layer in layers if layer.role not in _HEADLINE]
        found = metrics[block.name] if block.identity else None
        off = block.name in links.scales.off
        sections.append(
            {
                "name": block.name,
                "first": block is manifest.blocks[0],
                "first_projected": block.name in projected[:1],
                "shape": fmt.shape(*layers[-1].shape),
                "href": links.block(block.name),
                "diagram": diagram.block(block, links),
                "metrics": found,
                "sentence": describe_metrics(found, block, off=off) if found else None,
                "main": _figures(forward, main, links),
                "inner": _figures(forward, inner, links),
            }
        )
    return sections
