"""One filter followed through the depth, where blocks keep one shape and so a filter its index."""

from app.core.manifest import BlockInfo, Manifest
from app.core.palettes import PaletteName
from app.errors import InvalidParameterError, shown
from app.service.catalogue import layer_of
from app.service.examination import Examination
from app.service.matrices import Matrix, matrix_of


def streams(manifest: Manifest) -> tuple[tuple[BlockInfo, ...], ...]:
    """Runs of blocks whose outputs have one shape, so that a filter's index can be followed."""
    runs: list[list[BlockInfo]] = []
    shape = None
    for block in manifest.blocks:
        here = layer_of(manifest, block.output).shape
        if here != shape:
            runs.append([])
        runs[-1].append(block)
        shape = here
    return tuple(tuple(run) for run in runs)


def stream_matrix(
    examination: Examination, stream: int, role: str, palette: PaletteName, zoom: int | None = None
) -> Matrix:
    """One filter through the depth: a row a block, a column a filter.

    Args:
        examination: of the digit.
        stream: which run of :func:`streams`, counted from 1.
        role: ``output``, ``residual``, ``sum`` or ``gate``.
        palette: its signed palette is used.
        zoom: pixels a value.

    Raises:
        InvalidParameterError: the network has no such stream, or its blocks no such part.
    """
    runs = streams(examination.manifest)
    if not 1 <= stream <= len(runs):
        raise InvalidParameterError(f"stream must be 1 to {len(runs)}; got {shown(str(stream))}")
    parts = [(block.name, getattr(block, role)) for block in runs[stream - 1]]
    if any(layer is None for _, layer in parts):
        raise InvalidParameterError(
            f"role {role} is not to be had: blocks of network {examination.manifest.id} have none"
        )
    return matrix_of(examination, parts, palette, zoom)
