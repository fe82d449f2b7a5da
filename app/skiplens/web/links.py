"""Every address of the site: paths, and query parameters of links.

Functions and methods give addresses as a browser has to ask for them, below the path that a proxy
serves the site at. Constants are paths within the site. So are the functions' results while no
request is answered, which is when routes are declared.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlencode

from skiplens.core.branch_scales import AS_TRAINED, Scales
from skiplens.core.colormaps import PaletteName
from skiplens.core.feature_stats import Sort
from skiplens.core.manifest import Manifest
from skiplens.core.value_range import Normalisation
from skiplens.service.map_grids import GridOptions

API: Final = "/api/v1"
HEALTH: Final = frozenset({"/healthz", "/readyz", "/metrics"})
COMPARE: Final = "/compare"
COMPARE_PNG: Final = f"{API}/compare/grid.png"
UPLOAD: Final = "/digits"
SAMPLES_PNG: Final = "/pictures/samples.png"
DIGITS_PNG: Final = "/pictures/digits.png"
THEME: Final = "/theme"
LEARN: Final = "/learn"
EXPERIMENTS: Final = "/experiments"


_root: ContextVar[str] = ContextVar("root", default="")


def set_root(path: str) -> None:
    """Have the addresses of this answer lie below a path: ``/tools/skiplens``, or none."""
    _root.set(path)


def at(path: str) -> str:
    """The address of a path within the site."""
    return _root.get() + path


def within(address: str) -> str:
    """The path within the site that an address leads to; the opposite of :func:`at`."""
    return address.removeprefix(_root.get())


def with_query(path: str, query: Mapping[str, object]) -> str:
    """A path with those query parameters that have a value."""
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given, safe=',/:')}" if given else path


def api_network(network: str) -> str:
    """A network in the API."""
    return at(f"{API}/networks/{network}")


def experiment_page(experiment: str) -> str:
    """The page of an experiment."""
    return at(f"{EXPERIMENTS}/{experiment}")


def live_page(network: str) -> str:
    """Where a page asks for its changes while someone draws."""
    return at(f"/networks/{network}/live")


def api_digit(digit: str) -> str:
    """A digit in the API."""
    return at(f"{API}/digits/{digit}")


def drawings(network: str | None = None) -> str:
    """Where a drawing is stored: of a digit, or of an image for another network."""
    return with_query(at(f"{API}/digits"), {"network": network})


def input_png(digit: str, network: str | None = None) -> str:
    """An input as an image: of 28 x 28 pixels, or as a network of other images gets it."""
    return with_query(f"{api_digit(digit)}/input.png", {"network": network})


def api_view(network: str, digit: str) -> str:
    """A digit in a network, in the API."""
    return f"{api_network(network)}/digits/{digit}"


def _segment(name: str) -> str:
    """The name of a layer or block as part of a path; users choose them. That in braces of a
    route is left.
    """
    return quote(name, safe="{}@:")


def api_layer(network: str, digit: str, layer: str) -> str:
    """A layer on a digit, in the API."""
    return f"{api_view(network, digit)}/layers/{_segment(layer)}"


def grid_png(network: str, digit: str, layer: str) -> str:
    """A layer's grid as an image."""
    return f"{api_layer(network, digit, layer)}/grid.png"


def kernels_png(network: str, layer: str) -> str:
    """A convolution's kernels as an image."""
    return f"{api_network(network)}/layers/{_segment(layer)}/kernels.png"


def samples_png(digits: Iterable[str]) -> str:
    """All samples in one image; the version changes with its content."""
    version = hashlib.sha256(",".join(digits).encode()).hexdigest()[:12]
    return with_query(at(SAMPLES_PNG), {"version": version})


def digits_png(digits: Iterable[str]) -> str:
    """Any digits in one image."""
    return with_query(at(DIGITS_PNG), {"digits": ",".join(digits)})


def gallery(network: str, digit: str) -> str:
    """The gallery page."""
    return at(f"/networks/{network}/digits/{digit}")


def layer_page(network: str, digit: str, layer: str) -> str:
    """A layer's page."""
    return f"{gallery(network, digit)}/layers/{_segment(layer)}"


def filter_page(network: str, digit: str, layer: str, index: int | str) -> str:
    """A filter's page; the index may be a placeholder that the script fills in."""
    return f"{layer_page(network, digit, layer)}/filters/{index}"


def block_page(network: str, digit: str, block: str) -> str:
    """A block's page."""
    return f"{gallery(network, digit)}/blocks/{_segment(block)}"


def blocks_page(network: str, digit: str) -> str:
    """The page of all blocks."""
    return f"{gallery(network, digit)}/blocks"


def classic_page(network: str, digit: str) -> str:
    """The page of the 2016 figures."""
    return f"{gallery(network, digit)}/classic"


def card_png(network: str, digit: str) -> str:
    """The card of a view, for sites on which its address is shared."""
    return at(f"/pictures/networks/{network}/digits/{digit}/card.png")


def filter_kernel_png(network: str, layer: str, index: int | str) -> str:
    """The kernel of one filter, one map for each input channel; as with :func:`filter_page`."""
    return at(f"/pictures/networks/{network}/layers/{_segment(layer)}/filters/{index}/kernel.png")


def api_dataset(network: str) -> str:
    """The test set in a network, in the API."""
    return f"{api_network(network)}/dataset"


def api_dataset_digits(network: str) -> str:
    """The test digits with their predictions, in the API."""
    return f"{api_dataset(network)}/digits"


def dataset_png(digits: Iterable[int], version: str) -> str:
    """Test digits in one image; ``version`` changes with the data set."""
    indices = ",".join(map(str, digits))
    query = {"indices": indices, "version": dataset_version(version)}
    return with_query(at(f"{API}/dataset/digits.png"), query)


def dataset_version(sha256: str) -> str:
    """The version of a data set in the addresses of its pictures."""
    return sha256[:12]


def dataset_page(network: str) -> str:
    """The page of the test set in a network."""
    return at(f"/networks/{network}/dataset")


def learn_page(step: str) -> str:
    """A step of the story."""
    return at(f"{LEARN}/{step}")


def lesson(step: str, lesson: str) -> str:
    """Where a digit is sent that a class is to see."""
    return f"{learn_page(step)}/lesson/{lesson}"


CLASS: Final = f"{LEARN}/class"


def class_page(lesson: str) -> str:
    """Where a pupil draws a digit and shows it to a class, without any other page of the server."""
    return at(f"{CLASS}/{lesson}")


DEFAULT: Final = GridOptions()


def in_light(address: str) -> str | None:
    """A picture of maps in the light palette; ``None`` if its address names a palette."""
    if re.search(r"[?&]palette=", address):
        return None
    return f"{address}{'&' if '?' in address else '?'}palette={PaletteName.LIGHT}"


@dataclass(frozen=True)
class Links:
    """A digit in a network with display options. Every method is an address.

    Attributes:
        network: id.
        digit: id.
        scales: factors of residual branches.
        normalize: what shares a range.
        palette: pair of palettes; by default the light or the dark one, as the page's theme.
        sort: order of a layer's maps.
        version: of the network, in the addresses of its pictures, which are kept for ever.
    """

    network: str
    digit: str
    scales: Scales = AS_TRAINED
    normalize: Normalisation = DEFAULT.normalize
    palette: PaletteName | None = None
    sort: Sort = DEFAULT.sort
    version: str = ""

    @property
    def query(self) -> dict[str, object]:
        """The parameters that differ from the defaults."""
        return {
            "scale": str(self.scales),
            "normalize": None if self.normalize is DEFAULT.normalize else self.normalize,
            "palette": self.palette,
            "sort": None if self.sort is DEFAULT.sort else self.sort,
        }

    @property
    def options(self) -> GridOptions:
        """How grids are drawn."""
        return GridOptions(self.normalize, self.palette or DEFAULT.palette, sort=self.sort)

    def gallery(self, fragment: str = "") -> str:
        """The gallery, at a section of it."""
        address = with_query(gallery(self.network, self.digit), self.query)
        return f"{address}#{fragment}" if fragment else address

    def layer(self, layer: str, **options: object) -> str:
        """A layer's page."""
        page = layer_page(self.network, self.digit, layer)
        return with_query(page, {**self.query, **options})

    def filter(self, layer: str, index: int | str, **options: object) -> str:
        """A filter's page."""
        page = filter_page(self.network, self.digit, layer, index)
        return with_query(page, {**self.query, **options})

    def card(self, layer: str | None) -> str:
        """The card of the view."""
        page = card_png(self.network, self.digit)
        return self._picture(page, {"scale": self.query["scale"], "layer": layer})

    def upload(self) -> str:
        """Where the upload form posts to, with network and parameters."""
        return with_query(at(UPLOAD), {"network": self.network, **self.query})

    def live_page(self, **options: object) -> str:
        """Where the page asks for its changes while someone draws."""
        return with_query(live_page(self.network), {**self.query, **options})

    def experiments(self, **options: object) -> str:
        """All experiments, with this input, in the network that they are about by default."""
        return with_query(at(EXPERIMENTS), {"digit": self.digit, **options})

    def experiment(self, name: str, **options: object) -> str:
        """The page of an experiment."""
        query = {"network": self.network, "digit": self.digit, **self.query, **options}
        return with_query(experiment_page(name), query)

    def grid(self, layer: str, **options: object) -> str:
        """A layer's grid as an image."""
        page = grid_png(self.network, self.digit, layer)
        return self._picture(page, {**self.query, **options})

    def block(self, block: str, **options: object) -> str:
        """A block's page."""
        page = block_page(self.network, self.digit, block)
        return with_query(page, {**self.query, **options})

    def block_data(self, block: str) -> str:
        """A block's metrics in the API."""
        address = f"{api_view(self.network, self.digit)}/blocks/{_segment(block)}"
        return with_query(address, {"scale": str(self.scales)})

    def blocks(self, **options: object) -> str:
        """The page of all blocks."""
        page = blocks_page(self.network, self.digit)
        return with_query(page, {**self.query, **options})

    def classic(self) -> str:
        """The page of the 2016 figures."""
        return with_query(classic_page(self.network, self.digit), self.query)

    def stage_maps(self, stage: int, role: str, **options: object) -> str:
        """Every filter of a stage followed through the depth, as an image."""
        page = f"{api_view(self.network, self.digit)}/stages/{stage}/maps.png"
        kept = {name: self.query[name] for name in ("scale", "palette")}
        return self._picture(page, {**kept, "role": role, **options})

    def dataset(self, **options: object) -> str:
        """The page of the data set, beside this input."""
        return with_query(
            dataset_page(self.network), {"digit": self.digit, **self.query, **options}
        )

    def learn(self, step: str = "", **options: object) -> str:
        """A step of the story on this input; by default the first."""
        page = learn_page(step) if step else at(LEARN)
        return with_query(page, {"digit": self.digit, **self.query, **options})

    def compare(
        self,
        other: "Links",
        layer: str | None = None,
        layer_b: str | None = None,
        page: int | None = None,
    ) -> str:
        """The comparison of this page with another."""
        shown = {"layer": layer, "layer_b": layer_b, "page": page}
        return with_query(at(COMPARE), self._pair(other) | shown)

    def compare_png(self, other: "Links", layer: str, side: str, **options: object) -> str:
        """One side of a comparison as an image."""
        versions = "-".join(filter(None, (self.version, other.version)))
        query = self._pair(other) | {"layer": layer, "side": side, **options, "version": versions}
        return with_query(at(COMPARE_PNG), query)

    def _pair(self, other: "Links") -> dict[str, object]:
        return {
            "a": f"{self.network}/{self.digit}",
            "b": f"{other.network}/{other.digit}",
            "scale_a": str(self.scales),
            "scale_b": str(other.scales),
            "palette": self.query["palette"],
        }

    def block_maps(self, block: str, **options: object) -> str:
        """The maps of a block's parts as an image."""
        page = f"{api_view(self.network, self.digit)}/blocks/{_segment(block)}/maps.png"
        kept = {name: self.query[name] for name in ("scale", "palette")}
        return self._picture(page, {**kept, **options})

    def kernels_png(self, layer: str, **options: object) -> str:
        """A convolution's kernels as an image."""
        page = kernels_png(self.network, layer)
        return self._picture(page, {"palette": self.query["palette"], **options})

    def kernel_png(self, layer: str, index: int) -> str:
        """The kernel of one filter as an image."""
        page = filter_kernel_png(self.network, layer, index)
        return self._picture(page, {"palette": self.query["palette"]})

    def _picture(self, page: str, query: Mapping[str, object]) -> str:
        return with_query(page, {**query, "version": self.version})

    def data(self, layer: str, name: str) -> str:
        """A layer in the API: ``activations``, ``activations.npy`` and so on."""
        address = f"{api_layer(self.network, self.digit, layer)}/{name}"
        return with_query(address, {"scale": str(self.scales)})

    def network_data(self, name: str) -> str:
        """Every layer in the API: ``activations.npz`` and ``statistics.csv``."""
        address = f"{api_view(self.network, self.digit)}/{name}"
        return with_query(address, {"scale": str(self.scales)})

    def kernels(self, layer: str) -> str:
        """A convolution's kernels as an array."""
        return f"{api_network(self.network)}/layers/{_segment(layer)}/kernels.npy"

    def with_digit(self, digit: str) -> "Links":
        """The same page of another digit."""
        return replace(self, digit=digit)

    def with_network(self, other: Manifest) -> "Links":
        """The same view in another network, with the factors of those blocks that it can scale."""
        scales = Scales.in_order(dict(self.scales.factors), other.disableable_blocks)
        return replace(self, network=other.id, scales=scales, version=other.version)

    def with_block_toggled(self, block: str, switches: tuple[str, ...]) -> "Links":
        """The view with one block's branch switched off, or on again."""
        factor = 1.0 if self.scales.of(block) == 0 else 0.0
        return replace(self, scales=self.scales.with_factor(block, factor, switches))

    def all_on(self) -> "Links":
        """The view of the whole network."""
        return replace(self, scales=AS_TRAINED)
