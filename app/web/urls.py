"""The one place that builds addresses."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlencode

API: Final = "/api/v1"
HEALTH: Final = frozenset({"/healthz", "/readyz", "/metrics"})
COMPARE: Final = "/compare"
COMPARE_PNG: Final = f"{API}/compare/grid.png"
PALETTES: Final = f"{API}/palettes"
UPLOAD: Final = "/digits"
SAMPLES_PNG: Final = "/pictures/samples.png"
THEME: Final = "/theme"


def with_query(path: str, query: Mapping[str, object]) -> str:
    """A path with those query parameters that have a value."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, safe=',/')}" if given else path


def api_network(network: str) -> str:
    """A network in the API."""
    return f"{API}/networks/{network}"


def live(network: str) -> str:
    """Where a digit under way is sent."""
    return f"{api_network(network)}/live"


def api_digit(digit: str) -> str:
    """A digit in the API."""
    return f"{API}/digits/{digit}"


def input_png(digit: str) -> str:
    """The 28x28 that networks are given, as a picture."""
    return f"{api_digit(digit)}/input.png"


def api_view(network: str, digit: str) -> str:
    """Where the API keeps what a network does with a digit."""
    return f"{api_network(network)}/digits/{digit}"


def api_layer(network: str, digit: str, layer: str) -> str:
    """A layer of a view in the API."""
    return f"{api_view(network, digit)}/layers/{layer}"


def grid_png(network: str, digit: str, layer: str) -> str:
    """A layer's grid as a picture."""
    return f"{api_layer(network, digit, layer)}/grid.png"


def strip_png(network: str, digit: str, block: str) -> str:
    """A block's strip as a picture."""
    return f"{api_view(network, digit)}/blocks/{block}/strip.png"


def kernels_png(network: str, layer: str) -> str:
    """A convolution's kernels as a picture."""
    return f"{api_network(network)}/layers/{layer}/kernels.png"


def samples_png(digits: Iterable[str]) -> str:
    """Every sample on one sheet; the address changes with what is on it."""
    version = hashlib.sha256(",".join(digits).encode()).hexdigest()[:12]
    return with_query(SAMPLES_PNG, {"version": version})


def gallery(network: str, digit: str) -> str:
    """The gallery page."""
    return f"/networks/{network}/digits/{digit}"


def layer_page(network: str, digit: str, layer: str) -> str:
    """A layer's page."""
    return f"{gallery(network, digit)}/layers/{layer}"


def filter_page(network: str, digit: str, layer: str, index: int | str) -> str:
    """A filter's page; the index may be a placeholder for a script to fill in."""
    return f"{layer_page(network, digit, layer)}/filters/{index}"


def block_page(network: str, digit: str, block: str) -> str:
    """A block's page."""
    return f"{gallery(network, digit)}/blocks/{block}"


def depth_page(network: str, digit: str) -> str:
    """The page of what happens over the depth."""
    return f"{gallery(network, digit)}/depth"


def classic_page(network: str, digit: str) -> str:
    """The page of the pictures of 2016."""
    return f"{gallery(network, digit)}/classic"


def matrix_png(network: str, digit: str, stream: int) -> str:
    """Every filter of a stream followed through the depth, as a picture."""
    return f"{api_view(network, digit)}/streams/{stream}/matrix.png"


def filter_kernel_png(network: str, layer: str, index: int | str) -> str:
    """The kernel of one filter, one map for each input channel; as with :func:`filter_page`."""
    return f"/pictures/networks/{network}/layers/{layer}/filters/{index}/kernel.png"


def api_dataset(network: str) -> str:
    """How a network reads the data set, in the API."""
    return f"{api_network(network)}/dataset"


def api_dataset_digits(network: str) -> str:
    """The digits of the data set, as a network reads them, in the API."""
    return f"{api_dataset(network)}/digits"


def dataset_png(places: Iterable[int], version: str) -> str:
    """Digits of the data set on one sheet; ``version`` changes with the data set."""
    indices = ",".join(map(str, places))
    return with_query(f"{API}/dataset/digits.png", {"indices": indices, "version": version[:12]})


def dataset_page(network: str) -> str:
    """The page of the data set, as a network reads it."""
    return f"/networks/{network}/dataset"
