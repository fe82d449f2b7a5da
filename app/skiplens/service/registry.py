"""The model registry: looks up networks, layers, blocks and filters by name."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from skiplens.core.manifest import BlockInfo, LayerInfo, Manifest
from skiplens.engine.base import Engine
from skiplens.errors import (
    UnknownBlockError,
    UnknownFilterError,
    UnknownLayerError,
    UnknownNetworkError,
    quoted,
)

_Named = TypeVar("_Named", LayerInfo, BlockInfo)


def listed(names: Iterable[str]) -> str:
    """Names for a message."""
    return ", ".join(names) or "none"


class ModelRegistry:
    """The loaded networks.

    Attributes:
        default: id of the first network, which ``/`` shows.
        for_digits: id of the first network that takes digits, if there is one.
    """

    def __init__(self, engines: Mapping[str, Engine], default: str) -> None:
        self.default = default if default in engines else next(iter(engines))
        self._engines = {self.default: engines[self.default], **engines}
        digits = (name for name, one in self._engines.items() if one.manifest.takes_digits)
        self.for_digits = next(digits, self.default)

    @property
    def networks(self) -> tuple[Engine, ...]:
        """All networks, the default first."""
        return tuple(self._engines.values())

    @property
    def manifests(self) -> Mapping[str, Manifest]:
        """Of all networks by id, the default first."""
        return {name: engine.manifest for name, engine in self._engines.items()}

    def network(self, network: str) -> Engine:
        """The engine of a network, by id.

        Raises:
            UnknownNetworkError: it is not loaded.
        """
        engine = self._engines.get(network)
        if engine is None:
            raise UnknownNetworkError(
                f"network {quoted(network)} is not loaded; loaded are {listed(self._engines)}"
            )
        return engine


def twin_of(manifest: Manifest, others: Iterable[Manifest]) -> str | None:
    """The id of a network of as many blocks that answers alike, one of the two with identity paths
    and one without.

    Of several, one whose blocks add comes first, and then the one of the most similar size.
    """
    found = [
        other
        for other in others
        if other.answers_like(manifest)
        and len(other.blocks) == len(manifest.blocks)
        and other.has_identity_paths != manifest.has_identity_paths
    ]
    found.sort(
        key=lambda other: (
            any(block.merge not in (None, "add") for block in other.blocks),
            abs(other.parameters - manifest.parameters),
        )
    )
    return found[0].id if found else None


def find_layer(manifest: Manifest, name: str) -> LayerInfo:
    """The layer of that name.

    Raises:
        UnknownLayerError: the network has none.
    """
    return _find(manifest, "layer", manifest.layers, name, UnknownLayerError)


def find_block(manifest: Manifest, name: str) -> BlockInfo:
    """The block of that name.

    Raises:
        UnknownBlockError: the network has none.
    """
    return _find(manifest, "block", manifest.blocks, name, UnknownBlockError)


def _find(
    manifest: Manifest, what: str, items: Sequence[_Named], name: str, error: type[Exception]
) -> _Named:
    found = {item.name: item for item in items}
    if name not in found:
        raise error(
            f"network {manifest.id} has no {what} {quoted(name)}; its {what}s are {listed(found)}"
        )
    return found[name]


def check_filter(layer: LayerInfo, index: int) -> int:
    """The index, if the layer has such a filter.

    Raises:
        UnknownFilterError: it has none.
    """
    if not 0 <= index < layer.filters:
        raise UnknownFilterError(
            f"layer {layer.name} has no filter {index}; its filters are 0 to {layer.filters - 1}"
        )
    return index
