"""The ladder of depths: networks of 2 to 27 blocks, each once with the skip and once without."""

from typing import Final, Literal

DEEPEST: Final = 27
LADDER: Final = (2, 6, 14, DEEPEST)
"""Numbers of blocks."""

LadderKind = Literal["residual", "plain"]
KINDS: Final[tuple[LadderKind, ...]] = ("residual", "plain")

LADDER_FILE: Final = "ladder.json"
"""Figures of the runs, in the models folder."""


def stream_name(kind: LadderKind, blocks: int) -> str:
    """The id of a network of the ladder; the deepest two bear no number."""
    name = "mnist-stream" if kind == "residual" else "mnist-stream-plain"
    return name if blocks == DEEPEST else f"{name}-{blocks}"


STREAM: Final = stream_name("residual", DEEPEST)
RUNGS: Final = frozenset(
    stream_name(kind, blocks) for kind in KINDS for blocks in LADDER if blocks != DEEPEST
)
"""Ids of the networks that are there to be compared with the deepest two."""


def are_compared(network: str, other: str) -> bool:
    """Whether the layers of two networks are compared when they are compiled: any two but those of
    the ladder, of which only twins are, and the deepest two with all networks beside the ladder.
    """
    if not RUNGS & {network, other}:
        return network != other
    return any(
        {network, other} == {stream_name(kind, blocks) for kind in KINDS} for blocks in LADDER
    )
