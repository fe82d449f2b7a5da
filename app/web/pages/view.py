"""The view under way, and every link out of it: nothing else puts query parameters together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from app.core.manifest import Manifest
from app.core.ordering import Sort
from app.core.palettes import PaletteName
from app.core.scaling import Normalisation
from app.service.grids import GridOptions
from app.web import urls

DEFAULT: Final = GridOptions()


@dataclass(frozen=True)
class View:
    """A digit in a network, looked at in some way. Every method is an address.

    Attributes:
        network: id.
        digit: id.
        off: blocks that are switched off, in forward order.
        normalize: what shares a range.
        palette: pair of palettes.
        sort: order of a layer's maps.
        version: of the network, in the addresses of its pictures, which are kept for ever.
    """

    network: str
    digit: str
    off: tuple[str, ...] = ()
    normalize: Normalisation = DEFAULT.normalisation
    palette: PaletteName = DEFAULT.palette
    sort: Sort = DEFAULT.sort
    version: str = ""

    @property
    def query(self) -> dict[str, object]:
        """The parameters that differ from what is usual."""
        return {
            "off": ",".join(self.off),
            "normalize": None if self.normalize is DEFAULT.normalisation else self.normalize,
            "palette": None if self.palette is DEFAULT.palette else self.palette,
            "sort": None if self.sort is DEFAULT.sort else self.sort,
        }

    @property
    def options(self) -> GridOptions:
        """How grids are drawn."""
        return GridOptions(self.normalize, self.palette, sort=self.sort)

    def gallery(self, fragment: str = "") -> str:
        """The gallery, at a section of it."""
        address = urls.with_query(urls.gallery(self.network, self.digit), self.query)
        return f"{address}#{fragment}" if fragment else address

    def layer(self, layer: str) -> str:
        """A layer's page."""
        return urls.with_query(urls.layer_page(self.network, self.digit, layer), self.query)

    def filter(self, layer: str, index: int | str, **options: object) -> str:
        """A filter's page."""
        page = urls.filter_page(self.network, self.digit, layer, index)
        return urls.with_query(page, {**self.query, **options})

    def upload(self) -> str:
        """Where the upload form posts to, so that network and parameters are kept."""
        return urls.with_query(urls.UPLOAD, {"network": self.network, **self.query})

    def live(self) -> str:
        """Where a digit under way is sent; a script says which layers it shows."""
        return urls.with_query(urls.live(self.network), {"off": ",".join(self.off)})

    def grid(self, layer: str, **options: object) -> str:
        """A layer's grid as a picture."""
        page = urls.grid_png(self.network, self.digit, layer)
        return self._picture(page, {**self.query, **options})

    def block(self, block: str, **options: object) -> str:
        """A block's page."""
        page = urls.block_page(self.network, self.digit, block)
        return urls.with_query(page, {**self.query, **options})

    def block_data(self, block: str) -> str:
        """A block's figures in the API."""
        address = f"{urls.api_view(self.network, self.digit)}/blocks/{block}"
        return urls.with_query(address, {"off": ",".join(self.off)})

    def depth(self, **options: object) -> str:
        """The page of what happens over the depth."""
        page = urls.depth_page(self.network, self.digit)
        return urls.with_query(page, {**self.query, **options})

    def classic(self) -> str:
        """The page of the pictures of 2016."""
        return urls.with_query(urls.classic_page(self.network, self.digit), self.query)

    def matrix(self, stream: int, role: str) -> str:
        """Every filter of a stream followed through the depth, as a picture."""
        page = urls.matrix_png(self.network, self.digit, stream)
        kept = {name: self.query[name] for name in ("off", "palette")}
        return self._picture(page, {**kept, "role": role})

    def dataset(self, **options: object) -> str:
        """The page of the data set: as the network is, with no block off."""
        kept = {name: self.query[name] for name in ("normalize", "palette")}
        return urls.with_query(urls.dataset_page(self.network), {**kept, **options})

    def beside(self, other: "View", layer: str | None = None) -> str:
        """The page that compares this view with another."""
        return urls.with_query(urls.COMPARE, self._pair(other) | {"layer": layer})

    def beside_png(self, other: "View", layer: str, side: str) -> str:
        """One side of a comparison as a picture."""
        versions = "-".join(filter(None, (self.version, other.version)))
        query = self._pair(other) | {"layer": layer, "side": side, "version": versions}
        return urls.with_query(urls.COMPARE_PNG, query)

    def _pair(self, other: "View") -> dict[str, object]:
        return {
            "a": f"{self.network}/{self.digit}",
            "b": f"{other.network}/{other.digit}",
            "off_a": ",".join(self.off),
            "off_b": ",".join(other.off),
            "palette": self.query["palette"],
        }

    def strip(self, block: str) -> str:
        """A block's strip as a picture."""
        page = urls.strip_png(self.network, self.digit, block)
        return self._picture(page, {name: self.query[name] for name in ("off", "palette")})

    def kernels_png(self, layer: str, **options: object) -> str:
        """A convolution's kernels as a picture."""
        page = urls.kernels_png(self.network, layer)
        return self._picture(page, {"palette": self.query["palette"], **options})

    def kernel_png(self, layer: str, index: int) -> str:
        """The kernel of one filter as a picture."""
        page = urls.filter_kernel_png(self.network, layer, index)
        return self._picture(page, {"palette": self.query["palette"]})

    def _picture(self, page: str, query: Mapping[str, object]) -> str:
        return urls.with_query(page, {**query, "version": self.version})

    def data(self, layer: str, name: str) -> str:
        """A layer in the API: ``activations``, ``activations.npy`` and so on."""
        address = f"{urls.api_layer(self.network, self.digit, layer)}/{name}"
        return urls.with_query(address, {"off": ",".join(self.off)})

    def network_data(self, name: str) -> str:
        """Every layer in the API: ``activations.npz`` and ``statistics.csv``."""
        address = f"{urls.api_view(self.network, self.digit)}/{name}"
        return urls.with_query(address, {"off": ",".join(self.off)})

    def kernels(self, layer: str) -> str:
        """A convolution's kernels as an array."""
        return f"{urls.api_network(self.network)}/layers/{layer}/kernels.npy"

    def of_digit(self, digit: str) -> "View":
        """The same view of another digit."""
        return replace(self, digit=digit)

    def in_network(self, other: Manifest) -> "View":
        """The same view in another network, with those blocks off that it can switch."""
        off = tuple(block for block in self.off if block in other.switches)
        return replace(self, network=other.id, off=off, version=other.version)

    def toggled(self, block: str, switches: tuple[str, ...]) -> "View":
        """The view with one block's branch switched over."""
        off = tuple(name for name in switches if (name in self.off) != (name == block))
        return replace(self, off=off)

    def all_on(self) -> "View":
        """The view of the whole network."""
        return replace(self, off=())
