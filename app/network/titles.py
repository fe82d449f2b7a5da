"""What the networks are called and what each is for, in a sentence for people."""

from typing import Final, NamedTuple

from app.network.architectures import LADDER, stream_name


class Title(NamedTuple):
    """A network's title and its one-sentence summary."""

    title: str
    summary: str


TITLES: Final[dict[str, Title]] = {
    "mnist-resnet": Title(
        "Residual network",
        "Three stages of two residual blocks each: every block adds a correction to what it is "
        "given.",
    ),
    "mnist-plain": Title(
        "Plain twin",
        "The residual network with every identity path removed: same layers, same training, so "
        "the difference is the skip.",
    ),
    "mnist-highway": Title(
        "Highway network",
        "Six gated blocks at a constant width: a learned gate decides, pixel by pixel, how much "
        "of each block is taken.",
    ),
    "mnist-classic": Title(
        "Classic of 2016",
        "The 2016 convnet: a constant stream of eight filters through five small blocks, each a "
        "single convolution.",
    ),
    **{
        stream_name("residual", blocks): Title(
            f"Residual stream of {blocks} blocks",
            "Blocks of one width that only ever add to the stream: no norm and no ReLU stands on "
            "it, so the answer is a sum of the blocks' shares.",
        )
        for blocks in LADDER
    },
    **{
        stream_name("plain", blocks): Title(
            f"Plain stack of {blocks} blocks",
            "The residual stream's layers without the identity: all that is known of the digit "
            "has to pass through every one of them.",
        )
        for blocks in LADDER
    },
}


def title_of(network: str) -> Title:
    """The title of a network that ships; its id and a plain sentence for any other."""
    return TITLES.get(network, Title(network, "A network compiled by its user."))
