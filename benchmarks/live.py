"""Live drawing: one frame, compared with storing each image and fetching its grids."""

from collections.abc import Iterator
from itertools import count
from statistics import median
from typing import Final

from benchmarks import addresses
from benchmarks.client import Client
from benchmarks.newcomer import drawn
from benchmarks.processes import skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn, ratio
from skiplens.web import links
from skiplens.web.links import API

TITLE = "A digit while it is drawn"
SHOWN: Final = ("stem.conv", "stem.norm", "stem.output", "block1.residual", "block1.sum")
_ROUNDS = 20


def measure() -> Iterator[Result]:
    """Both with the maps that a window shows, and a new image each time."""
    address = links.with_query(links.live(addresses.NETWORK), {"layers": ",".join(SHOWN)})
    numbers = count()
    with skiplens() as server:
        client = Client(server.port)

        def frame() -> None:
            client.post_png(address, drawn(next(numbers)))

        def keep_and_fetch() -> None:
            answer, _ = client.post_png(f"{API}/digits", drawn(next(numbers)))
            digit = str(answer.headers["Location"]).rpartition("/")[2]
            client.get(f"{links.api_view(addresses.NETWORK, digit)}/prediction")
            for layer in SHOWN:
                client.get(addresses.grid(digit, layer))

        ways = {"frame": frame, "kept": keep_and_fetch}
        seconds = in_turn(ways, _ROUNDS, {})
    over = "a frame, over keeping the digit and fetching the same maps"
    yield Result(over, ratio(seconds["frame"], seconds["kept"]), target=Target("<=", 0.5))
    yield Result("frames, one after the other", 1 / median(seconds["frame"]), "/s")
