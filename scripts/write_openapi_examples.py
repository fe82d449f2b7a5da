"""Writes the examples of the API's OpenAPI description: answers of the shipped networks.

Run it after a network, a route or a response model has changed:

    python -m scripts.write_openapi_examples
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from fastapi import FastAPI
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.limits import ImageLimits
from skiplens.engine.base import Engine
from skiplens.engine.select import open_engines
from skiplens.samples import load_samples
from skiplens.service.dataset import LabelledDigits
from skiplens.service.dataset.indexer import Dataset, IndexCache
from skiplens.service.digit_store import DigitDatabase
from skiplens.service.services import Services
from skiplens.settings import Settings
from skiplens.web.api import EXAMPLES_FILE
from skiplens.web.links import API

DEFAULT_NETWORK: Final = "mnist-resnet"
SAMPLES: Final = load_samples()
DIGIT: Final = next(sample.digit for sample in SAMPLES if sample.label == 7)
OTHER: Final = next(sample.digit for sample in SAMPLES if sample.label == 1)

NETWORK: Final = f"{API}/networks/{DEFAULT_NETWORK}"
VIEW: Final = f"{NETWORK}/digits/{DIGIT.id}"
STREAM: Final = f"{API}/networks/mnist-stream/digits/{DIGIT.id}"
ROWS: Final = f"{API}/networks/mnist-rows/digits/{DIGIT.id}"
POSTED: Final = frozenset({f"{API}/digits", f"{NETWORK}/activations"})

_NETWORKS: Final = f"{API}/networks/{{network}}"
_VIEWS: Final = f"{_NETWORKS}/digits/{{digit}}"
ADDRESSES: Final[Mapping[str, str]] = {
    **{path: path for path in ("/healthz", "/readyz")},
    **{f"{API}/{name}": f"{API}/{name}" for name in ("networks", "samples", "palettes", "digits")},
    _NETWORKS: NETWORK,
    **{f"{_NETWORKS}/{name}": f"{NETWORK}/{name}" for name in ("layers", "activations", "dataset")},
    f"{_NETWORKS}/dataset/digits": f"{NETWORK}/dataset/digits?wrong=true",
    f"{_NETWORKS}/layers/{{layer}}/filters/{{filter}}/top-activations": (
        f"{NETWORK}/layers/block1.conv1/filters/3/top-activations"
    ),
    f"{API}/digits/{{digit}}": f"{API}/digits/{DIGIT.id}",
    f"{_VIEWS}/layers/{{layer}}/activations": (
        f"{VIEW}/layers/block6.output/activations?filters=48&values=true"
    ),
    f"{_VIEWS}/layers/{{layer}}/grid.json": f"{VIEW}/layers/block1.output/grid.json?filters=3",
    f"{_VIEWS}/layers/{{layer}}/filters/{{filter}}/units/{{row}},{{column}}": (
        f"{VIEW}/layers/block1.norm1/filters/3/units/5,12"
    ),
    **{f"{_VIEWS}/{name}": f"{STREAM}/{name}" for name in ("prediction", "blocks", "early-exits")},
    **{f"{_VIEWS}/{name}": f"{VIEW}/{name}" for name in ("gradients", "stages")},
    **{f"{_VIEWS}/{name}": f"{ROWS}/{name}" for name in ("early-exits/rows", "gradients/steps")},
    f"{_VIEWS}/votes": f"{STREAM}/votes?order=block3,block2",
    f"{_VIEWS}/blocks/{{block}}": f"{VIEW}/blocks/block1",
    f"{_VIEWS}/blocks/{{block}}/maps.json": f"{VIEW}/blocks/block1/maps.json",
    f"{_VIEWS}/stages/{{stage}}/maps.json": f"{VIEW}/stages/1/maps.json",
    f"{API}/experiments/depth": f"{API}/experiments/depth",
    f"{_NETWORKS}/experiments/{{experiment}}": f"{NETWORK}/experiments/removal",
    f"{API}/compare": (
        f"{API}/compare?a={DEFAULT_NETWORK}/{DIGIT.id}&b={DEFAULT_NETWORK}/{OTHER.id}"
    ),
}
"""The address that is asked for the example of each OpenAPI path."""

_LONGEST_LIST: Final = 10


def example_app(engines: Mapping[str, Engine], folder: Path) -> FastAPI:
    """An app whose data set is the shipped samples; it keeps its files in ``folder``."""
    digits = replace(LabelledDigits.of_samples(SAMPLES), kind="dataset")
    services = Services.create(
        engines,
        DigitDatabase(folder / "digits.sqlite3", 100),
        SAMPLES,
        default_network=DEFAULT_NETWORK,
        cache_bytes=64_000_000,
        limits=ImageLimits(),
        dataset=Dataset(digits, IndexCache(folder / "indexes"), 1),
        models=Settings().models_dir,
    )
    return create_app(Settings(), lambda: services)


def collect_examples(client: TestClient) -> dict[str, object]:
    """The answer to each of the addresses, shortened, by OpenAPI path."""
    while client.get(f"{NETWORK}/dataset").json()["state"] != "ready":
        pass
    return {path: shortened(_answer(client, address)) for path, address in ADDRESSES.items()}


def _answer(client: TestClient, address: str) -> object:
    if address in POSTED:
        response = client.post(address, json={"pixels": DIGIT.pixels.tolist()})
    else:
        response = client.get(address)
    response.raise_for_status()
    return response.json()


def shortened(node: object) -> object:
    """The first of a list's objects, and the first two entries of other long lists."""
    if isinstance(node, dict):
        return {name: shortened(value) for name, value in node.items()}
    if not isinstance(node, list):
        return node
    if any(isinstance(entry, dict) for entry in node):
        return [shortened(node[0])]
    return [shortened(entry) for entry in (node if len(node) <= _LONGEST_LIST else node[:2])]


def main() -> None:
    """Write the file."""
    engines = open_engines(Settings().models_dir, "litert", 1, 64)
    with TemporaryDirectory() as folder:
        app = example_app(engines, Path(folder))
        with TestClient(app, "http://127.0.0.1") as client:
            examples = collect_examples(client)
    lines = (f"{json.dumps(path)}: {json.dumps(examples[path])}" for path in sorted(examples))
    EXAMPLES_FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    print(f"wrote {len(examples)} examples to {EXAMPLES_FILE}")


if __name__ == "__main__":
    main()
