"""The figures of a block, of one digit or the mean over many, and of its filters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BlockFigures:
    """A block on one digit, or the mean over many.

    Norms are Euclidean, over all positions and filters.

    Attributes:
        block: its name.
        norm_x: norm of the identity as it enters the sum: ``x``, its projection where the block
            changes shape, or ``(1 - T(x)) * x`` in a highway block. Without an identity path, of
            what the block is given.
        norm_f: norm of the residual as it enters the sum: ``F(x)``, or ``T(x) * F(x)``.
        norm_sum: norm of the sum; without an identity path, of ``F(x)``.
        ratio: ``norm_f / norm_x``; 0 where the identity is zero.
        cosine: of the angle between the two addends, -1..1; 0 where either is zero; ``None``
            without an identity path, and where identity, residual and sum differ in shape, so
            that no filter of one is the same filter of the others.
        relu_cut: share of the sum that the activation cuts, 0..1: the magnitude of its negative
            values over the magnitude of all its values.
    """

    block: str
    norm_x: float
    norm_f: float
    norm_sum: float
    ratio: float
    cosine: float | None
    relu_cut: float


@dataclass(frozen=True)
class FilterFigures:
    """One filter of a block's sum on one digit: the figures of :class:`BlockFigures` of its maps.

    Attributes:
        filter: its index in the sum.
        norm_x: of the identity's map that enters it; ``None`` where none does.
        norm_f: of the residual's.
        norm_sum: of its own map.
        ratio: ``norm_f / norm_x``; 0 where the identity is zero; ``None`` where either lacks.
        cosine: of the two maps, -1..1; 0 where either is zero; ``None`` where either lacks.
        relu_cut: share of its own map that the activation cuts, 0..1.
    """

    filter: int
    norm_x: float | None
    norm_f: float | None
    norm_sum: float
    ratio: float | None
    cosine: float | None
    relu_cut: float
