"""HTML for notebooks: a network and an image, without a server, and a server's pages in a frame."""

import sys
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlsplit

from skiplens.core.manifest import BlockMetrics

# Units of the map: CSS pixels.
_STEP: Final = 92
_HEIGHT: Final = 112
_AXIS: Final = 78
_CREST: Final = 6
_LABEL: Final = 14
_THINNEST, _THICKEST = 1.5, 11.0
_BRANCH: Final = "#d9822b"  # legible on the white and on the black of notebooks


@dataclass(frozen=True)
class NotebookView:
    """A network on an image.

    Attributes:
        title: network and prediction, in words.
        page: address of the page that shows it.
        metrics: of every block, in forward order.
        identities: whether each block has an identity path.
        block: the one whose maps are shown.
        maps: these maps, a PNG.
    """

    title: str
    page: str
    metrics: tuple[BlockMetrics, ...]
    identities: tuple[bool, ...]
    block: str
    maps: bytes

    def _repr_html_(self) -> str:
        image = f"data:image/png;base64,{b64encode(self.maps).decode()}"
        block, page = escape(self.block), escape(self.page)
        return (
            f'<p>{escape(self.title)} (<a href="{page}" target="_blank">open</a>)</p>'
            f"{draw_blocks(self.metrics, self.identities)}"
            f"<p>{block}: x, F(x), their sum and the output, one column a filter</p>"
            f'<img src="{image}" alt="Feature maps of {block}" style="max-width:100%">'
        )


def draw_blocks(metrics: Sequence[BlockMetrics], identities: Sequence[bool]) -> str:
    """The blocks in forward order as SVG: the identity straight, F(x) bowing out, lines as wide as
    the norm of what they carry, and the ratio of the two norms above.

    Args:
        metrics: of every block.
        identities: whether each block has an identity path; F(x) is straight where there is none.
    """
    widest = max((max(one.norm_x, one.norm_residual) for one in metrics), default=0) or 1.0

    def line(path: str, norm: float, colour: str) -> str:
        width = max(_THINNEST, _THICKEST * norm / widest)
        return f'<path d="{path}" stroke="{colour}" stroke-width="{width:.1f}" fill="none"/>'

    parts = []
    for at, (one, identity) in enumerate(zip(metrics, identities, strict=True)):
        left, middle, right = at * _STEP, at * _STEP + _STEP // 2, (at + 1) * _STEP
        straight = f"M{left} {_AXIS}H{right}"
        bow = f"M{left} {_AXIS}C{left + 20} {_CREST} {right - 20} {_CREST} {right} {_AXIS}"
        if identity:
            parts += [line(straight, one.norm_x, "currentColor")]
            if one.ratio is not None:
                parts += [_text(middle, _LABEL, f"{one.ratio:.2f}")]
        parts += [line(bow if identity else straight, one.norm_residual, _BRANCH)]
        parts += [_text(middle, _AXIS + 24, one.block)]
    width = max(1, len(metrics)) * _STEP
    return (
        f'<svg viewBox="0 0 {width} {_HEIGHT}" role="img" style="width:{width}px;max-width:100%" '
        'aria-label="The blocks in forward order: lines are as wide as the norm of what they '
        'carry, numbers are the ratio of F(x) to x">'
        f"{''.join(parts)}</svg>"
    )


def _text(x: int, y: int, text: str) -> str:
    return (
        f'<text x="{x}" y="{y}" text-anchor="middle" font-size="12" fill="currentColor">'
        f"{escape(text)}</text>"
    )


SITES: Final = (
    "'self'",  # behind the notebook's own proxy
    *("http://localhost:*", "http://127.0.0.1:*", "vscode-webview:"),
    *("https://colab.research.google.com", "https://*.googleusercontent.com"),
)
"""Where notebooks are shown: the sites that may frame a server that one has started."""

_PREFIX: Final = "JUPYTERHUB_SERVICE_PREFIX"
_FRAME_HEIGHT: Final = 720  # CSS pixels


def is_proxied(variables: Mapping[str, str]) -> bool:
    """Whether browsers reach this machine through JupyterHub alone."""
    return _PREFIX in variables


def address_in_notebook(url: str, variables: Mapping[str, str]) -> str:
    """Where the browser that shows a notebook finds a server of the notebook's machine.

    JupyterHub has jupyter-server-proxy serve each port below a path, Colab has an address for each
    port, and VS Code passes on those of this machine. Elsewhere it is the same machine.

    Args:
        url: of the server, on the loopback interface.
        variables: of the environment.
    """
    port = urlsplit(url).port
    if "google.colab" in sys.modules:
        return str(
            sys.modules["google.colab"].output.eval_js(f"google.colab.kernel.proxyPort({port})")
        )
    if is_proxied(variables):
        return f"{variables[_PREFIX].rstrip('/')}/proxy/{port}/"
    return url


def iframe(address: str) -> str:
    """The pages at an address, in a frame."""
    return (
        f'<iframe src="{escape(address)}" title="skiplens" '
        f'style="width:100%;height:{_FRAME_HEIGHT}px;border:0"></iframe>'
    )
