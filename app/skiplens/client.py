"""A client of a running server: what its networks compute for an image, as NumPy arrays."""

import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from html import escape
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from threading import TIMEOUT_MAX
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from skiplens.core.grid_image import encode_grey
from skiplens.core.manifest import BlockMetrics
from skiplens.errors import (
    BusyError,
    InvalidParameterError,
    SkiplensError,
    UnknownBlockError,
    UnreachableError,
    quoted,
)
from skiplens.notebook_html import NotebookView

Array = NDArray[np.float32]
Scale = Mapping[str, float]
_JSON: Final = "application/json"
_PNG: Final = "image/png"
_NPZ: Final = "application/x-npz"
_SIDE: Final = 28
_WHITE: Final = 255
_MATRIX: Final = 2
_COLOURS: Final = 3
_OVERSHOOT: Final = 0.5


@dataclass(frozen=True)
class StoredImage:
    """An image that the server keeps, as the networks read it.

    Attributes:
        id: of the digit.
        label: true class, if it is known.
        warnings: sentences about what may be wrong with the image.
    """

    id: str
    label: int | None = None
    warnings: tuple[str, ...] = ()


Image = StoredImage | str | os.PathLike[str] | bytes | NDArray[Any]
"""An image: one that the server keeps, a file by its path or its content, or numbers. Numbers are
``(H, W)``, ``(H, W, 1)`` or ``(H, W, 3)``, integers in 0..255 or floats in 0..1; they are prepared
as files are."""


@dataclass(frozen=True)
class Prediction:
    """What a network answers.

    Attributes:
        label: the most probable class.
        probabilities: of each class by name, adding up to 1; of several classes that share a name,
            the sum.
    """

    label: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True)
class _Description:
    """What a server tells of a network."""

    id: str
    classes: tuple[str, ...]
    blocks: tuple[str, ...]
    input_kind: str

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "_Description":
        """From JSON."""
        names = tuple(found["classes"]), tuple(found["blocks"])
        return cls(str(found["id"]), *names, str(found["input_kind"]))


class Client:
    """One network of a server. Every method may be called from several threads at once.

    Each image that is not a :class:`StoredImage` is stored on the server when it is asked about.

    Args:
        url: of the server, with the path that it is served at: ``https://example.org/tools/lens``.
        network: its id; by default the one that the server shows first.
        token: what the server asks clients for, if it does (``SKIPLENS_TOKEN``).
        seconds: to wait for an answer.

    Raises:
        InvalidParameterError: ``token`` or ``seconds`` is not allowed.
        UnreachableError: from every method: nobody answers, or something else than skiplens.
        SkiplensError: from every method, of the class that the server raised: for example
            :class:`skiplens.errors.UnknownNetworkError`.
    """

    def __init__(
        self, url: str, network: str | None = None, *, token: str = "", seconds: float = 30.0
    ) -> None:
        self.url = url.rstrip("/") + "/"
        self._wanted = network
        self._token = token.rstrip()  # files end in a newline
        self._seconds = seconds
        if not (self._token.isascii() and self._token.isprintable()):
            raise InvalidParameterError("token must be printable ASCII characters")
        if not 0 < seconds <= TIMEOUT_MAX:
            raise InvalidParameterError(
                f"seconds must be above 0 and at most {TIMEOUT_MAX:g}; got {seconds}"
            )

    def __repr__(self) -> str:
        network = f", {self._wanted!r}" if self._wanted else ""
        return f"{type(self).__name__}({self.url!r}{network})"

    def _repr_html_(self) -> str:
        url = escape(self._shown_url)
        link = f'<p><a href="{url}" target="_blank">{url}</a></p>'
        try:
            return link + self.show(self._examples[0])._repr_html_()
        except (SkiplensError, IndexError):  # no server, no example, or no block
            return link

    @property
    def _examples(self) -> Sequence[Image]:
        """Images to show the network on: the samples, if it takes such images."""
        return self.samples if self._description.input_kind == "digit" else ()

    @property
    def _shown_url(self) -> str:
        """Where the browser of whoever reads pages finds the server."""
        return self.url

    # The network

    @property
    def networks(self) -> tuple[str, ...]:
        """Ids of all loaded networks, the default first."""
        found = self._json("networks")
        with self._reading():
            return tuple(one["id"] for one in found)

    @property
    def network(self) -> str:
        """Id of the network."""
        return self._description.id

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the outputs."""
        return self._description.classes

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the blocks, in forward order."""
        return self._description.blocks

    @cached_property
    def layers(self) -> Mapping[str, tuple[int, int, int]]:
        """Height, width and number of filters of each layer by name, in forward order."""
        found = self._json(f"{self._path}/layers")
        with self._reading():
            return {one["name"]: tuple(one["shape"]) for one in found}

    @cached_property
    def _description(self) -> _Description:
        found = self._json(f"networks/{_segment(self._wanted)}" if self._wanted else "networks")
        with self._reading():
            return _Description.of(found if self._wanted else found[0])

    @property
    def _path(self) -> str:
        return f"networks/{_segment(self.network)}"

    # Images

    @property
    def samples(self) -> tuple[StoredImage, ...]:
        """The digits that ship with the server."""
        found = self._json("samples")
        with self._reading():
            return tuple(StoredImage(one["id"], one["label"]) for one in found)

    def store(self, image: Image) -> StoredImage:
        """Have the server keep an image, so that others can see it at :meth:`page`.

        Raises:
            InvalidParameterError: it is not an image, or has no ink.
        """
        if isinstance(image, StoredImage):
            return image
        kind, content = _body(image)
        path = "digits?" + urlencode({"network": self.network})
        answer = self._answer(path, _JSON, content, kind)
        with self._reading():
            found = json.loads(answer)
            return StoredImage(found["id"], found["label"], tuple(found["warnings"]))

    def page(self, image: Image, block: str | None = None) -> str:
        """Address of the page that shows the network, or one block, on an image."""
        address = f"{self.url}{self._view(image)}"
        return f"{address}/blocks/{_segment(block)}" if block else address

    # What the network computes

    def prediction(self, image: Image, scale: Scale | None = None) -> Prediction:
        """The prediction for an image.

        Args:
            image: the input.
            scale: factors of residual branches by block, -4 to 4; 0 switches a branch off.
        """
        found = self._json(f"{self._view(image)}/prediction", scale)
        chances: dict[str, float] = {}
        with self._reading():
            for name, chance in zip(self.classes, found["probabilities"], strict=True):
                chances[name] = chances.get(name, 0.0) + chance
            return Prediction(found["label"], chances)

    def activations(
        self, image: Image, layers: Sequence[str] = (), scale: Scale | None = None
    ) -> dict[str, Array]:
        """The activations of an image, float32 ``(H, W, C)`` by layer name.

        Args:
            image: the input.
            layers: to return; all by default.
            scale: as in :meth:`prediction`.
        """
        view = self._view(image)
        paths = [f"{view}/layers/{_segment(layer)}" for layer in layers] or [view]
        answers = [self._answer(_query(f"{path}/activations.npz", scale), _NPZ) for path in paths]
        with self._reading():
            return {name: array for answer in answers for name, array in _arrays(answer)}

    def block_metrics(self, image: Image, scale: Scale | None = None) -> tuple[BlockMetrics, ...]:
        """Norms, ratio and cosine of ``x`` and ``F(x)`` of each block, in forward order."""
        found = self._json(f"{self._view(image)}/blocks", scale)
        with self._reading():
            return tuple(BlockMetrics(**one) for one in found["blocks"])

    def block_maps(self, image: Image, block: str, scale: Scale | None = None) -> bytes:
        """The maps of a block as a PNG: rows of x, F(x), sum and output on one range."""
        path = f"{self._view(image)}/blocks/{_segment(block)}/maps.png"
        return self._answer(_query(path, scale), _PNG)

    def show(
        self, image: Image, block: str | None = None, scale: Scale | None = None
    ) -> NotebookView:
        """What a notebook shows of the network on an image: the network map, and the maps of one
        block, the first by default. It needs no server once it is made.

        Raises:
            UnknownBlockError: there is no such block, or none at all.
        """
        if not self.blocks:
            raise UnknownBlockError(f"network {self.network} has no blocks")
        stored, name = self.store(image), block or self.blocks[0]
        answer = self.prediction(stored, scale)
        view = self._view(stored)
        details = [self._json(f"{view}/blocks/{_segment(one)}") for one in self.blocks]
        with self._reading():
            skips = tuple(one["identity"] is not None for one in details)
        return NotebookView(
            f"{self.network}: {answer.label}, {answer.probabilities[answer.label]:.1%}",
            self._shown_url + self.page(stored).removeprefix(self.url),
            self.block_metrics(stored, scale),
            skips,
            name,
            self.block_maps(stored, name, scale),
        )

    def _view(self, image: Image) -> str:
        return f"{self._path}/digits/{self.store(image).id}"

    def _json(self, path: str, scale: Scale | None = None) -> Any:  # noqa: ANN401  # any JSON value
        answer = self._answer(_query(path, scale), _JSON)
        with self._reading():
            return json.loads(answer)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        """While an answer is read: one that cannot be is of something else, such as a login page.

        Raises:
            UnreachableError: it cannot be.
        """
        try:
            yield
        except (ValueError, LookupError, TypeError, EOFError, BadZipFile) as error:
            raise self._something_else() from error

    def _something_else(self) -> UnreachableError:
        return UnreachableError(f"{self.url} is not a server of skiplens")

    def _answer(
        self, path: str, expected: str, content: bytes | None = None, kind: str = ""
    ) -> bytes:
        """The body of an answer to a GET, or to a POST of some content.

        Args:
            path: below that of the API.
            expected: media type of the answer.
            content: to post.
            kind: media type of the content.

        Raises:
            SkiplensError: see the class.
        """
        headers = {"Content-Type": kind} if content is not None else {}
        try:
            request = Request(f"{self.url}api/v1/{path}", content, headers)  # noqa: S310  # the caller's
            if self._token:  # not for another server, if this one redirects there
                request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            try:
                with urlopen(request, timeout=self._seconds) as answer:  # noqa: S310  # as above
                    body: bytes = answer.read()
                    found = answer.headers.get_content_type()
            except HTTPError as error:
                with error:
                    raise _refusal(error.read(), error.code, self.url) from error
        except (URLError, OSError, HTTPException) as error:
            reason = getattr(error, "reason", error)
            raise UnreachableError(f"{self.url} does not answer ({reason})") from error
        except ValueError as error:  # it is no address, or leads to none
            raise self._something_else() from error
        if found != expected:
            raise self._something_else()
        return body


def _segment(name: str) -> str:
    """A name as part of a path; users choose those of their networks, layers and blocks."""
    return quote(name, safe="")


def _query(path: str, scale: Scale | None) -> str:
    if not scale:
        return path
    text = ",".join(f"{block}:{_factor(block, factor)}" for block, factor in scale.items())
    return f"{path}?{urlencode({'scale': text}, safe=':,')}"


def _factor(block: str, given: float) -> float:
    try:
        return float(given)
    except (TypeError, ValueError) as error:
        raise InvalidParameterError(
            f"scale of {block} must be a number; got {quoted(str(given))}"
        ) from error


def _body(image: str | os.PathLike[str] | bytes | NDArray[Any]) -> tuple[str, bytes]:
    """Media type and content of an image to send."""
    if isinstance(image, np.ndarray):
        numbers = as_bytes(image)
        if numbers.shape == (_SIDE, _SIDE):  # floats are not rounded
            is_float = image.dtype.kind == "f"
            # The server takes integers of 0 and 1 for a bitmap.
            given = np.clip(image, 0, 1).reshape(numbers.shape) if is_float else numbers / _WHITE
            return _JSON, json.dumps({"pixels": given.tolist()}).encode()
        return _PNG, encode_grey(numbers)
    if isinstance(image, bytes):
        return "application/octet-stream", image
    try:
        return "application/octet-stream", Path(image).read_bytes()
    except OSError as error:
        raise InvalidParameterError(f"image {image} cannot be read ({error.strerror})") from error


def as_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Integers in 0..255, or floats in 0..1, as uint8 in 0..255. Floats a little outside, as
    resampling makes them, are clipped. A channel axis of length 1 is left out.

    Raises:
        InvalidParameterError: the array has another shape, or the numbers are of another kind, or
            lie elsewhere.
    """
    if pixels.ndim != _MATRIX and pixels.shape[_MATRIX:] not in ((1,), (_COLOURS,)):
        raise InvalidParameterError(
            "image must be an array (H, W), (H, W, 1) or (H, W, 3); got one of shape "
            f"{pixels.shape}"
        )
    pixels = pixels[:, :, 0] if pixels.shape[_MATRIX:] == (1,) else pixels
    kind = pixels.dtype.kind if pixels.size else ""
    if kind in {"i", "u"} and 0 <= pixels.min() <= pixels.max() <= _WHITE:
        return np.asarray(pixels, np.uint8)
    if kind in {"f", "b"} and (np.abs(pixels - 0.5) <= 0.5 + _OVERSHOOT).all():
        return np.asarray(np.rint(np.clip(pixels, 0, 1) * _WHITE), np.uint8)
    raise InvalidParameterError(
        f"image must be integers in 0..{_WHITE} or floats in 0..1; got {pixels.dtype} "
        f"in {pixels.min(initial=0):g}..{pixels.max(initial=0):g}"
    )


def _arrays(content: bytes) -> Iterator[tuple[str, Array]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        yield from archive.items()


def _refusal(body: bytes, status: int, url: str) -> SkiplensError:
    """The error that a problem document tells of."""
    # A server that starts or stops has codes of its own.
    otherwise = BusyError if status == HTTPStatus.SERVICE_UNAVAILABLE else SkiplensError
    try:
        problem = json.loads(body)
        kinds = {kind.code: kind for kind in _kinds(SkiplensError)}
        return kinds.get(problem["code"], otherwise)(problem["detail"])
    except (ValueError, KeyError, TypeError):
        return UnreachableError(f"{url} answers {status}")


def _kinds(kind: type[SkiplensError]) -> Iterator[type[SkiplensError]]:
    yield kind
    for narrower in kind.__subclasses__():
        yield from _kinds(narrower)
