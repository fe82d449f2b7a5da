"""The gallery page: network diagram, and every layer's maps."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from skiplens.core.manifest import AS_TRAINED, BlockInfo, BlockMetrics
from skiplens.service.analysis import all_block_metrics, classic_blocks
from skiplens.service.forward import ForwardPass
from skiplens.web.links import Links
from skiplens.web.pages import common
from skiplens.web.pages.block import describe_metrics
from skiplens.web.pages.common import ViewPage, digit_page, prediction_view, sample_links
from skiplens.web.pages.compare import default_comparison_link
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import gallery_downloads
from skiplens.web.pages.figures import LayerFigure, layer_figure, network_range

WIDEST: Final = 15.0  # of the diagram's 120 units across
THINNEST: Final = 1.5


@dataclass(frozen=True)
class BlockDiagram:
    """One block's part of the diagram. Widths are of lines, in its units."""

    block: BlockInfo
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
            block=block,
            input_width=self.layer_width(block.input),
            identity_width=self.width(metrics.norm_x) if block.identity else 0.0,
            residual_width=self.width(metrics.norm_residual),
            sum_width=self.width(metrics.norm_sum),
            output_width=self.layer_width(block.output),
            previous_width=self.width(self._baseline[block.name].norm_residual),
            projected=_is_projected(block),
            off=block.name in links.scales.off,
            toggle=links.with_block_toggled(block.name, switches).gallery(f"{block.name}-branch"),
        )

    def _norm(self, layer: str) -> float:
        return float(np.linalg.norm(self._forward.activations[layer].astype(np.float64)))


def _is_projected(block: BlockInfo) -> bool:
    return block.identity not in (None, block.input)


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
    residual = [block for block in manifest.blocks if block.identity]
    off = links.scales.off
    values = {
        "manifest": manifest,
        "facts": common.network_facts(engine),
        "prediction": prediction,
        "others": [
            (number, links.with_digit(one.digit).gallery())
            for number, one in enumerate(context.stored.candidates, 1)
            if one.digit != context.stored.digit.id
        ],
        "samples": sample_links(
            services.digits.samples, links.digit, lambda digit: links.with_digit(digit).gallery()
        ),
        "stem": _figures(forward, "stem", links),
        "stem_width": diagram.layer_width(first.input),
        "blocks": [
            (diagram.block(block, links), _figures(forward, block.name, links))
            for block in manifest.blocks
        ],
        "metrics": metrics,
        "sentences": {
            block.name: describe_metrics(metrics[block.name], block, off=block.name in off)
            for block in residual
        },
        "first_projected": next((block for block in residual if _is_projected(block)), None),
        "head": _figures(forward, "head", links),
        "head_width": diagram.layer_width(last.output),
        "residual": bool(residual),
        "downloads": gallery_downloads(links, origin),
        "dataset": (links.dataset(), len(indexes.dataset)) if indexes.has_dataset else None,
        "compare": default_comparison_link(context),
        "classic": links.classic() if classic_blocks(manifest) else None,
        "network_range": network_range(forward),
    }
    return digit_page(context, "gallery.html", f"{prediction.label} in {manifest.title}", values)


def _figures(forward: ForwardPass, section: str, links: Links) -> tuple[LayerFigure, ...]:
    """The layers of the stem, the head or a block."""
    layers = [layer for layer in forward.manifest.layers if layer.section == section]
    return tuple(layer_figure(forward, layer, links) for layer in layers)
