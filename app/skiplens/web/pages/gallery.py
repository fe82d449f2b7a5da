"""The gallery page: every layer's maps, and in each block x + F(x) = sum."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from skiplens.core.manifest import BlockInfo, BlockMetrics, LayerInfo, Manifest
from skiplens.engine.base import Engine
from skiplens.service.early_exits_and_votes import reads_rows
from skiplens.service.forward import ForwardPass
from skiplens.service.registry import find_layer
from skiplens.web.links import Links
from skiplens.web.pages import fmt, text
from skiplens.web.pages.block import describe_metrics
from skiplens.web.pages.classic import classic_blocks
from skiplens.web.pages.context import PageContext
from skiplens.web.pages.downloads import gallery_downloads
from skiplens.web.pages.figures import GRID_WIDTH, LayerFigure, layer_figure, layer_strip
from skiplens.web.pages.learn import can_be_told
from skiplens.web.pages.learn.steps import COUNT
from skiplens.web.pages.network_page import NetworkPage

# The parts of a block that stand beside each other, and the signs between them.
_PARTS: Final = ("identity", "gate", "residual", "sum", "output")
_PLAIN_HEAD: Final = ("pool", "logits", "probabilities")
_SIGNS: Final = {"residual": "+", "sum": "=", "output": fmt.ARROW}


@dataclass(frozen=True)
class Part:
    """A part of a block in the gallery: ``x``, ``F(x)``, their sum or the output."""

    sign: str
    """Between it and the part before; empty if they are not added."""
    figure: LayerFigure


@dataclass(frozen=True)
class BlockSection:
    """A block in the gallery."""

    name: str
    href: str
    shape: str
    parts: tuple[Part, ...]
    inner: tuple[LayerFigure, ...]
    sentence: str | None
    sharing: str
    """What shares a range of values in its row of maps."""
    merge: str | None
    """How x and F(x) are merged; ``None`` without an identity path."""
    explanation: str
    """What the block does, in a sentence or two."""
    rectified: bool
    """Whether a ReLU follows the sum."""
    activated: bool
    """Whether any activation function does."""
    feeds_next: bool
    """Whether its output is the next block's x."""
    shrinks: bool
    """Whether it has smaller maps than its input, and more of them."""
    first: bool
    """Whether it explains the terms."""
    first_projected: bool
    after: tuple[LayerFigure, ...]
    """Layers between this block and the next."""
    is_sequence: bool
    row_height: int | None
    """Pixels from one row of the digit to the next in its maps; ``None`` if their positions are
    others.
    """


@dataclass(frozen=True)
class Stage:
    """Blocks whose maps have one size, or layers of a network without blocks."""

    title: str
    """Empty if it is not folded."""
    extent: str
    blocks: tuple[BlockSection, ...] = ()
    strips: tuple[LayerFigure, ...] = ()


_MANY_LAYERS: Final = 180  # what is shown of more than that is folded, by the size of the maps
_MANY_BLOCKS: Final = 12  # more are folded too: their maps would fill more than five screens
_MOST_TOGETHER: Final = 4  # blocks that are folded as one


def gallery_page(context: PageContext) -> NetworkPage:
    """The gallery of a digit in a network."""
    links, forward, manifest = context.links, context.forward, context.engine.manifest
    outside = outside_blocks(manifest)
    shown = [find_layer(manifest, block.input) for block in manifest.blocks[:1]] or outside[0]
    is_large = len(manifest.layers) > _MANY_LAYERS
    folded = _folded_layers(context, shown) if is_large and not manifest.blocks else ()
    values = {
        "manifest": manifest,
        "facts": network_facts(context.engine),
        "stem": tuple(layer_figure(forward, layer, links) for layer in outside[0]),
        "strips": () if folded else tuple(layer_strip(forward, layer, links) for layer in shown),
        "folded": folded,
        "is_large": is_large,
        "blocks": manifest.blocks,
        "reads_rows": reads_rows(manifest),
        "reads_steps": _reads_steps(manifest),
        "is_dense": any(layer.kind == "Dense" for layer in outside[0]),
        "convolves": any(layer.kernel for layer in manifest.layers),
        "stages": _stages(
            manifest,
            _block_sections(context, outside),
            folded=is_large or len(manifest.blocks) > _MANY_BLOCKS,
        ),
        "head": tuple(layer_strip(forward, layer, links) for layer in outside[-1]),
        "plain_head": tuple(layer.role for layer in outside[-1]) == _PLAIN_HEAD,
        "pools_maps": any(layer.spatial for layer in outside[-1]),
        "downloads": gallery_downloads(links, manifest.layers, context.services.max_download_bytes),
        "classic": links.classic() if classic_blocks(manifest) else None,
        "story": links.all_on().learn() if can_be_told(manifest) else None,
        "steps": COUNT,
    }
    title = f"{manifest.classes[forward.label]} · {manifest.title}"
    return NetworkPage("gallery.html", title, context, values=values)


def outside_blocks(manifest: Manifest) -> list[list[LayerInfo]]:
    """The layers of the stem, those between one block and the next, and those of the head.

    In a network without blocks the head begins after the last layer with maps.
    """
    order = {layer.name: at for at, layer in enumerate(manifest.layers)}
    ends = sorted(order[block.output] for block in manifest.blocks) or [
        max((order[layer.name] for layer in manifest.layers if layer.spatial), default=-1)
    ]
    found: list[list[LayerInfo]] = [[] for _ in range(len(ends) + 1)]
    for at, layer in enumerate(manifest.layers):
        if layer.block is None:
            found[bisect_left(ends, at)].append(layer)
    return found


def layers_after_blocks(
    manifest: Manifest, outside: Sequence[Sequence[LayerInfo]]
) -> dict[str, Sequence[LayerInfo]]:
    """The layers between a block and the next, by the name of the first."""
    order = [layer.name for layer in manifest.layers]
    in_order = sorted(manifest.blocks, key=lambda block: order.index(block.output))
    return {block.name: outside[at] for at, block in enumerate(in_order[:-1], 1)}


def _reads_steps(manifest: Manifest) -> bool:
    """Whether the first block, or the first layer of a network without blocks, reads a sequence."""
    first = manifest.blocks[0].output if manifest.blocks else manifest.layers[0].name
    return find_layer(manifest, first).is_sequence


def _size(manifest: Manifest, block: BlockInfo) -> tuple[int, ...]:
    """Height and width of a block's maps."""
    return find_layer(manifest, block.output).shape[:2]


def _describe_size(size: Sequence[int]) -> str:
    return f"maps of {f' {fmt.TIMES} '.join(map(str, size))}"


def _stages(
    manifest: Manifest, sections: tuple[BlockSection, ...], *, folded: bool
) -> tuple[Stage, ...]:
    """The blocks in runs of one size of maps, at most four together, or all in one that is not
    folded.
    """
    sizes = {block.name: _size(manifest, block) for block in manifest.blocks}
    runs = groupby(sections, lambda section: sizes[section.name])
    stages = tuple(
        Stage(
            f"Stage {number}: {_span(blocks)}",
            f"{_describe_size(size)}, {_count_layers(manifest, blocks)}",
            blocks,
        )
        for number, (size, run) in enumerate(runs, 1)
        for blocks in _parts(tuple(run))
    )
    if folded and len(stages) > 1:
        return stages
    return (Stage("", "", sections),) if sections else ()


def _parts(run: tuple[BlockSection, ...]) -> Iterable[tuple[BlockSection, ...]]:
    return (run[at : at + _MOST_TOGETHER] for at in range(0, len(run), _MOST_TOGETHER))


def _span(items: Sequence[BlockSection | LayerInfo]) -> str:
    """The names of the first and the last."""
    first, last = items[0].name, items[-1].name
    return first if first == last else f"{first} to {last}"


def _count_layers(manifest: Manifest, blocks: Sequence[BlockSection]) -> str:
    names = {block.name for block in blocks}
    return fmt.pluralise(sum(layer.block in names for layer in manifest.layers), "layer")


def _folded_layers(context: PageContext, layers: Iterable[LayerInfo]) -> tuple[Stage, ...]:
    """The layers of a large network without blocks, in runs of one size of maps."""
    runs = [(size, list(run)) for size, run in groupby(layers, lambda layer: layer.shape[:2])]
    return tuple(
        Stage(
            _span(run),
            f"{_describe_size(size)}, {fmt.pluralise(len(run), 'layer')}",
            strips=tuple(layer_strip(context.forward, layer, context.links) for layer in run),
        )
        for size, run in runs
    )


def _block_sections(
    context: PageContext, outside: Sequence[Sequence[LayerInfo]]
) -> tuple[BlockSection, ...]:
    """Every block. Terms are explained in the first, projections in the first that has one."""
    manifest, links = context.forward.manifest, context.links
    after = layers_after_blocks(manifest, outside)
    metrics = {found.block: found for found in context.forward.block_metrics}
    projected = [
        block.name for block in manifest.blocks if block.merge == "add" and manifest.projects(block)
    ]
    return tuple(
        _block_section(
            context,
            block,
            metrics[block.name],
            first=block is manifest.blocks[0],
            first_projected=block.name in projected[:1],
            after=[
                layer_figure(context.forward, layer, links) for layer in after.get(block.name, ())
            ],
        )
        for block in manifest.blocks
    )


def _shown_parts(block: BlockInfo) -> dict[str, str]:
    """The layer of each part of a block by role; without an output that is its sum."""
    names = {part: getattr(block, part) for part in _PARTS}
    if names["output"] == names["sum"]:
        del names["output"]
    return {role: name for role, name in names.items() if name is not None}


def _is_smaller(shape: tuple[int, int, int], before: tuple[int, int, int]) -> bool:
    """Whether maps are smaller than those before, and there are more."""
    (height, width, count), (height_before, width_before, count_before) = shape, before
    return height * width < height_before * width_before and count > count_before


def _part(
    forward: ForwardPass, block: BlockInfo, role: str, layer: LayerInfo, links: Links
) -> Part:
    return Part(
        _SIGNS.get(role, "") if block.merge == "add" or role == "output" else "",
        layer_figure(
            forward,
            layer,
            links,
            x_of=block.name if layer.name == block.identity else None,
            room=4 * GRID_WIDTH // len(_shown_parts(block)),
            beside=find_layer(forward.manifest, block.output),
        ),
    )


def _block_section(
    context: PageContext,
    block: BlockInfo,
    found: BlockMetrics,
    *,
    first: bool,
    first_projected: bool,
    after: Sequence[LayerFigure],
) -> BlockSection:
    forward, links, manifest = context.forward, context.links, context.forward.manifest
    layers = {layer.name: layer for layer in manifest.layers}
    shown, output = _shown_parts(block), layers[block.output]
    has_rows = text.step_noun(manifest, output) == "row"
    inner = [
        layer
        for layer in manifest.layers
        if layer.block == block.name and layer.name not in shown.values()
    ]
    parts = tuple(_part(forward, block, role, layers[name], links) for role, name in shown.items())
    return BlockSection(
        name=block.name,
        href=links.block(block.name),
        shape=fmt.shape(*output.shape),
        parts=parts,
        inner=tuple(layer_figure(forward, layer, links) for layer in inner),
        sentence=describe_metrics(found, block, manifest.noun, off=block.name in links.scales.off)
        if block.identity
        else None,
        sharing=text.SHARING[links.normalize][1],
        merge=block.merge,
        explanation=text.describe_block(block, manifest),
        rectified=block.rectified,
        activated=block.output != block.sum,
        feeds_next=text.is_x(manifest, block.output),
        shrinks=_is_smaller(output.shape, layers[block.input].shape),
        first=first,
        first_projected=first_projected,
        after=tuple(after),
        is_sequence=output.is_sequence,
        row_height=parts[0].figure.picture.zoom if has_rows else None,
    )


_ENGINES: Final = {"litert": "LiteRT", "keras": "Keras"}


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
            (f"accuracy on {accuracy.digits:,} test {manifest.noun}s", fmt.percent(accuracy.value)),
            ("95 % confidence interval", f"{100 * low:.2f} to {fmt.percent(high)}"),
        ]
    if manifest.is_near_chance:
        rows.append(
            ("this accuracy", "hardly better than a guess: are the values those of training?")
        )
    if manifest.input_scale != 1 or not manifest.takes_digits:
        rows.append(("pixels as the network gets them", _describe_pixels(manifest)))
    return (*rows, ("engine", f"{_ENGINES.get(engine.name, engine.name)} on {engine.device}"))


def _describe_pixels(manifest: Manifest) -> str:
    """Colours, range and source of the values that a network gets."""
    contract = manifest.input
    colours = {"grey": "grey", "rgb": "RGB", "bgr": "BGR"}[contract.colours]
    return f"{colours}, {contract.ranges}, {contract.source}"
