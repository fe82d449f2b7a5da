"""The order in which blocks run, and a network's records in that order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from skiplens.core.manifest import BlockInfo, Manifest


@dataclass(frozen=True)
class BlockOrder:
    """An order in which the blocks run.

    Attributes:
        names: of every block, in that order; empty for the trained order. Two that run the blocks
            alike are equal.
    """

    names: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether it differs from the trained order."""
        return bool(self.names)

    def text(self, trained: Sequence[str]) -> str:
        """As a query has it, ``block3,block2``: the displaced blocks, in the order of the places
        that they take together; ``trained`` names every block in the trained order.
        """
        pairs = zip(self.names, trained, strict=False)
        return ",".join(name for name, before in pairs if name != before)

    def with_move(self, block: str, place: int, trained: Sequence[str]) -> "BlockOrder":
        """The same but for one block, which runs at another place, from 0."""
        names = [name for name in self.names or trained if name != block]
        names.insert(place, block)
        return BlockOrder.of(names, trained)

    @classmethod
    def of(cls, names: Sequence[str], trained: Sequence[str]) -> "BlockOrder":
        """An order of all blocks."""
        return cls() if tuple(names) == tuple(trained) else cls(tuple(names))


TRAINED_ORDER: Final = BlockOrder()


def reordered(manifest: Manifest, order: BlockOrder) -> Manifest:
    """The same network with its blocks in another order: layers and blocks as they then run,
    each computed from the one before it.
    """
    if not order:
        return manifest
    found = {block.name: block for block in manifest.blocks}
    source = manifest.blocks[0].input
    sources: dict[str | None, tuple[str, str]] = {}
    blocks: list[BlockInfo] = []
    for name in order.names:
        sources[name] = (found[name].input, source)
        blocks.append(found[name].after(source))
        source = blocks[-1].output
    sources[None] = (manifest.blocks[-1].output, source)  # of the head
    layers = [
        replace(layer, inputs=_relinked(layer.inputs, *sources[layer.block]))
        for layer in manifest.layers
    ]
    places: dict[str | None, int] = {name: at for at, name in enumerate(order.names)}
    inner = [layer for layer in layers if layer.block]
    inner.sort(key=lambda layer: places[layer.block])
    start = next(at for at, layer in enumerate(layers) if layer.block)
    layers[start : start + len(inner)] = inner
    return replace(manifest, layers=tuple(layers), blocks=tuple(blocks))


def _relinked(inputs: tuple[str, ...], before: str, now: str) -> tuple[str, ...]:
    return tuple(now if name == before else name for name in inputs)
