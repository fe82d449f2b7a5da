"""Live drawing: one frame, compared with storing each drawing and fetching its pictures, and frames
of the pages of experiments.
"""

import json
import math
from collections.abc import Iterator
from functools import partial
from itertools import count
from statistics import median
from typing import Final

from benchmarks import addresses
from benchmarks.client import Client
from benchmarks.processes import skiplens
from benchmarks.results import Result, Target
from benchmarks.timing import in_turn, ratio
from skiplens.core.ladder import DEEPEST, STREAM
from skiplens.web import links
from skiplens.web.links import API

TITLE = "A digit while it is drawn"
SHOWN: Final = ("stem.output", "block1.residual", "block1.sum", "block1.output", "block2.sum")
_ROUNDS = 20
_REVERSED: Final = ",".join(f"block{at}" for at in range(DEEPEST, 0, -1))
_EXPERIMENTS: Final = {
    "index of experiments": "index",
    "a digit on every rung of the ladder": "depth",
    "27 blocks removed one by one": "removal",
    "27 blocks reordered": f"order&order={_REVERSED}",
    "all branches scaled, 17 factors": "scale",
    "the answer after each of 27 blocks": "early-exits",
    "votes of 27 blocks": "votes",
    "gradients of 27 blocks": "gradients",
    "gradients of 27 blocks along a line": "gradients&view=line",
    "gradients of 27 blocks by length of path": "gradients&view=length",
    "a digit among 1,000 at every depth": "classes",
}
_SUBSETS: Final = "64 sets of blocks removed"


def measure() -> Iterator[Result]:
    """Both with the pictures that a window shows, and a new drawing each time."""
    numbers = count()
    pictures = [f"{addresses.grid('0' * 16, layer)}?zoom=2" for layer in SHOWN]
    with skiplens() as server:
        client = Client(server.port)

        def frame() -> None:
            body = strokes(next(numbers)) | {"pictures": pictures}
            client.post_json(links.live_page(addresses.NETWORK), json.dumps(body).encode())

        def keep_and_fetch() -> None:
            body = json.dumps(strokes(next(numbers))).encode()
            answer, _ = client.post_json(f"{API}/digits", body)
            digit = str(answer.headers["Location"]).rpartition("/")[2]
            client.get(f"{links.api_view(addresses.NETWORK, digit)}/prediction")
            for layer in SHOWN:
                client.get(f"{addresses.grid(digit, layer)}?zoom=2")

        ways = {"frame": frame, "kept": keep_and_fetch}
        seconds = in_turn(ways, _ROUNDS)
        answers = in_turn(
            {
                name: partial(_follow, client, numbers, STREAM, experiment)
                for name, experiment in _EXPERIMENTS.items()
            }
            | {_SUBSETS: partial(_follow, client, numbers, addresses.NETWORK, "removal")},
            _ROUNDS,
        )
    over = "a frame, over keeping the digit and fetching the same maps"
    yield Result(over, ratio(seconds["frame"], seconds["kept"]), target=Target("<=", 0.5))
    yield Result("frames, one after the other", 1 / median(seconds["frame"]), "/s")
    for name, found in answers.items():
        most = 500 if name == _SUBSETS else 50
        yield Result(name, 1000 * median(found), "ms", target=Target("<=", most))


def _follow(client: Client, numbers: Iterator[int], network: str, experiment: str) -> None:
    """One frame of the page of an experiment; its options follow its name."""
    body = json.dumps(strokes(next(numbers))).encode()
    client.post_json(f"{links.live_page(network)}?experiment={experiment}", body)


def strokes(number: int) -> dict[str, object]:
    """A digit of one curved stroke, as a page sends it, each a little different."""
    turn = 5 + number % 7 / 10
    points = [
        (round(0.5 + 0.28 * math.sin(turn * at / 60), 4), round(0.15 + at / 90, 4), 0.09)
        for at in range(60)
    ]
    return {"strokes": [{"points": points, "erase": False}], "over": None}
