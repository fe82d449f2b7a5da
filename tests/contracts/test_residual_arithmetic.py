"""What is said of blocks is true: for every network that ships, and for small random ones."""

import io
import itertools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, cast

import keras
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray
from starlette.testclient import TestClient

from skiplens.application import create_app
from skiplens.core.input_image import Digit
from skiplens.core.manifest import BlockInfo
from skiplens.engine.base import Engine
from skiplens.export.gallery import ExportOptions, load_export_context, write
from skiplens.network.gradient_graph import reference_gradients
from skiplens.network.tracing import load_network
from skiplens.service.forward import branch_scales
from skiplens.settings import Settings
from tests.conftest import MODELS, services_over, switched_off
from tests.contracts.networks import NETWORKS, one_hot, open_random, scaled, without
from tests.network.tiny import SAVES_WITH_KERAS, numpy

pytestmark = SAVES_WITH_KERAS

Array = NDArray[Any]
Arrays = Mapping[str, Array]
TARGET = 4
FIXED = "mnist-plain"
"""The network without identity paths: there is nothing to switch."""
SWITCHED = [name for name in NETWORKS if name != FIXED]
HAS_SWITCHES = pytest.mark.parametrize("engine", SWITCHED, indirect=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contracts")


@pytest.fixture(scope="module")
def every(engines: Mapping[str, Engine], folder: Path) -> Mapping[str, Engine]:
    """Every network, by name."""
    (folder / "models").mkdir()
    return {**engines, **open_random(folder / "models")}


@pytest.fixture(scope="module")
def served(every: Mapping[str, Engine], folder: Path) -> Iterator[TestClient]:
    """A client of an app that serves them all."""
    app = create_app(Settings(), partial(services_over, every, folder))
    with TestClient(app, "http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="module", params=[*SWITCHED, FIXED])
def engine(request: pytest.FixtureRequest, every: Mapping[str, Engine]) -> Engine:
    found: Engine = every[request.param]
    return found


@pytest.fixture(scope="module")
def network(engine: Engine, folder: Path) -> keras.Model:
    """The same as Keras has it."""
    name = engine.manifest.id
    home = MODELS if (MODELS / name).is_dir() else folder / "models"
    return load_network(home / name / "network.keras")


@pytest.fixture(scope="module")
def gradients_of_tape(network: keras.Model) -> Callable[[Arrays], Arrays]:
    """Traced once: to trace takes longer than to run."""
    return reference_gradients(network)


@pytest.fixture(params=["on", "first off", "all off"])
def off(request: pytest.FixtureRequest, engine: Engine) -> tuple[str, ...]:
    switches = engine.manifest.disableable_blocks
    chosen = {"on": (), "first off": switches[:1], "all off": switches}
    found: tuple[str, ...] = chosen[request.param]
    return found


@pytest.fixture
def view(engine: Engine, digit: Digit) -> str:
    return f"/api/v1/networks/{engine.manifest.id}/digits/{digit.id}"


@pytest.fixture
def arrays(served: TestClient, view: str, off: tuple[str, ...]) -> Arrays:
    """Every layer's maps, as the API serves them."""
    content = served.get(f"{view}/activations.npz", params=query(off)).content
    with np.load(io.BytesIO(content)) as archive:
        return {name: archive[name].astype(np.float64) for name in archive.files}


def query(off: tuple[str, ...]) -> dict[str, str]:
    return {"scale": str(switched_off(*off))} if off else {}


def merge_inputs(block: BlockInfo, arrays: Arrays) -> tuple[Array, Array]:
    """What the block adds up, written down once more: (1 - T) x and T F of a highway."""
    x, fx = arrays[block.identity or block.input], arrays[block.residual]
    if block.gate is None:
        return x, fx
    return (1 - arrays[block.gate]) * x, arrays[block.gate] * fx


def merged(block: BlockInfo, arrays: Arrays) -> Array:
    x, fx = merge_inputs(block, arrays)
    if block.merge == "multiply":
        return x * fx
    if block.merge == "average":
        return (x + fx) / 2
    if block.merge == "concatenate":
        return np.concatenate([x, fx], axis=-1)
    return fx if block.merge is None else x + fx


def close(found: Array, wanted: Array, tolerance: float) -> bool:
    """Whether two arrays agree, relative to the larger one's largest magnitude."""
    return bool(np.abs(found - wanted).max() <= tolerance * max(1e-6, np.abs(wanted).max()))


def test_the_sum_is_what_the_merge_says_and_the_output_its_relu(
    engine: Engine, arrays: Arrays
) -> None:
    for block in engine.manifest.blocks:
        total = arrays[block.sum or block.residual]
        assert close(total, merged(block, arrays), 1e-5), block.name
        assert np.array_equal(arrays[block.output], np.maximum(total, 0)), block.name


def test_off_is_keras_without_the_branch(
    network: keras.Model, digit: Digit, off: tuple[str, ...], arrays: Arrays
) -> None:
    wanted = without(network, off)(digit.as_input(), training=False)
    shared = wanted.keys() & arrays.keys()
    assert "head.probabilities" in shared
    for name in shared:
        reach = max(1.0, float(np.abs(arrays[name]).max()))
        found = numpy(wanted[name]).reshape(arrays[name].shape)
        np.testing.assert_allclose(found, arrays[name], rtol=0, atol=1e-4 * reach, err_msg=name)


def test_a_factor_is_keras_with_the_branch_multiplied(
    served: TestClient, view: str, engine: Engine, network: keras.Model, digit: Digit
) -> None:
    """Above 1, below 0 and between, each in a block of its own."""
    values = itertools.cycle((0.5, -1.5, 4.0))
    factors = dict(zip(engine.manifest.disableable_blocks, values, strict=False))
    query = {"scale": ",".join(f"{block}:{factor}" for block, factor in factors.items())}
    wanted = scaled(network, factors)(digit.as_input(), training=False)
    content = served.get(f"{view}/activations.npz", params=query).content
    with np.load(io.BytesIO(content)) as archive:
        for name in wanted.keys() & set(archive.files):
            found = archive[name]
            reach = max(1.0, float(np.abs(found).max()))
            same = numpy(wanted[name]).reshape(found.shape)
            np.testing.assert_allclose(same, found, rtol=0, atol=1e-4 * reach, err_msg=name)
    answer = served.get(f"{view}/prediction", params=query).json()
    assert answer["scale"] == factors
    probabilities = numpy(wanted["head.probabilities"])[0]
    np.testing.assert_allclose(answer["probabilities"], probabilities, rtol=0, atol=1e-4)


@HAS_SWITCHES
@pytest.mark.parametrize("off", ["first off", "all off"], indirect=True)
def test_a_block_that_is_off_hands_on_its_identity(
    engine: Engine, off: tuple[str, ...], arrays: Arrays
) -> None:
    assert off
    for block in engine.manifest.blocks:
        if block.name in off:
            assert np.array_equal(arrays[str(block.sum)], arrays[str(block.identity)]), block.name


def test_gradients_are_those_of_a_tape(
    engine: Engine,
    gradients_of_tape: Callable[[Arrays], Arrays],
    digit: Digit,
    off: tuple[str, ...],
) -> None:
    inputs = one_hot(engine, digit, off, TARGET)
    found = engine.gradients(
        inputs["image"], branch_scales(engine.manifest, switched_off(*off)), TARGET
    )
    for name, value in gradients_of_tape(inputs).items():
        assert close(found[name].ravel(), value.ravel(), 1e-4), name


@HAS_SWITCHES
def test_the_two_routes_of_the_flow_sum_to_the_whole(
    engine: Engine, digit: Digit, off: tuple[str, ...]
) -> None:
    scales = branch_scales(engine.manifest, switched_off(*off))
    found = engine.gradients(digit.as_input(), scales, TARGET)
    for block in engine.manifest.blocks:
        routes = [found[f"{block.name}.x:{route}"] for route in ("identity", "residual")]
        assert close(routes[0] + routes[1], found[block.input], 1e-4), block.name


def test_the_flows_norms_and_cosine_add_up(
    served: TestClient, view: str, off: tuple[str, ...]
) -> None:
    answer = served.get(f"{view}/gradients", params={**query(off), "target": str(TARGET)}).json()
    for one in answer["blocks"]:
        if one["identity"] is None:
            assert one["total"] == one["residual"]
            continue
        a, b = one["identity"], one["residual"]
        squared = a * a + b * b + 2 * one["cosine"] * a * b
        assert one["total"] ** 2 == pytest.approx(squared, rel=1e-3, abs=1e-12)


def figures(x: Array | None, fx: Array | None, total: Array) -> dict[str, object]:
    """The figures by their definitions, undefined ones ``None``."""
    norm_x, norm_residual = (None if one is None else (one**2).sum() ** 0.5 for one in (x, fx))
    ratio = cosine = None
    if norm_x is not None and norm_residual is not None:
        ratio = norm_residual / norm_x if norm_x else 0.0
    if x is not None and fx is not None and x.shape == fx.shape:
        size = (norm_x or 0.0) * (norm_residual or 0.0)
        cosine = (x * fx).sum() / size if size else 0.0
    size = np.abs(total).sum()
    return {
        "norm_x": norm_x,
        "norm_residual": norm_residual,
        "norm_sum": (total**2).sum() ** 0.5,
        "ratio": ratio,
        "cosine": cosine,
        "relu_zeroed": -total[total < 0].sum() / size if size else 0.0,
    }


def same(said: dict[str, object], wanted: dict[str, object]) -> bool:
    return {name: said[name] for name in wanted} == {
        name: None if value is None else pytest.approx(value, rel=1e-5, abs=1e-6)
        for name, value in wanted.items()
    }


def test_a_blocks_figures_are_those_of_the_served_arrays(
    served: TestClient, view: str, engine: Engine, off: tuple[str, ...], arrays: Arrays
) -> None:
    answer = served.get(f"{view}/blocks", params=query(off)).json()["blocks"]
    for block, said in zip(engine.manifest.blocks, answer, strict=True):
        x, fx = merge_inputs(block, arrays)
        total = arrays[block.sum or block.residual]
        wanted = figures(x, fx, total)
        if block.identity is None or not x.shape == fx.shape == total.shape:
            wanted["cosine"] = None
        if block.merge == "multiply":
            wanted["ratio"] = None
        assert same(said, wanted), (block.name, said, wanted)


def test_a_filters_figures_are_those_of_the_served_arrays(
    served: TestClient, view: str, engine: Engine, off: tuple[str, ...], arrays: Arrays
) -> None:
    for block in engine.manifest.blocks:
        said = served.get(f"{view}/blocks/{block.name}", params=query(off)).json()["filters"]
        x, fx = merge_inputs(block, arrays)
        total = arrays[block.sum or block.residual]
        behind = x.shape[-1] if block.merge == "concatenate" else 0
        assert [one["filter"] for one in said] == [*range(total.shape[-1])]
        for at, one in enumerate(said):
            x_map = x[..., at] if block.identity and at < x.shape[-1] else None
            f_map = fx[..., at - behind] if behind <= at < behind + fx.shape[-1] else None
            wanted = figures(x_map, f_map, total[..., at])
            if block.merge == "multiply":
                wanted["ratio"] = None
            assert same(one, wanted), (block.name, at, one, wanted)


def test_a_network_without_identity_paths_says_that_there_is_nothing_to_switch(
    served: TestClient, every: Mapping[str, Engine], digit: Digit
) -> None:
    view = f"/api/v1/networks/{FIXED}/digits/{digit.id}"
    blocks = every[FIXED].manifest.blocks
    assert blocks
    for block in blocks:
        answer = served.get(f"{view}/prediction", params={"scale": f"{block.name}:0"})
        assert (answer.status_code, answer.json()["code"]) == (422, "not_switchable")
        assert "x would not pass there" in answer.json()["detail"]


def test_every_page_of_every_network_is_there_and_can_be_taken_away(
    served: TestClient, engine: Engine, digit: Digit, tmp_path: Path
) -> None:
    manifest = engine.manifest
    gallery = f"/networks/{manifest.id}/digits/{digit.id}"
    blocks = [f"/blocks/{block.name}" for block in manifest.blocks]
    kinds = {
        (layer.kind, layer.role, layer.shape, layer.kernel, layer.strides): layer.name
        for layer in manifest.layers
    }
    layers = [f"/layers/{name}" for name in kinds.values()]
    for page in ("", "/blocks", *blocks, *layers):
        assert served.get(gallery + page).status_code == 200, page
    services = cast("FastAPI", served.app).state.services
    write(load_export_context(services, ExportOptions(manifest.id, digit.id)), tmp_path)
    written = (tmp_path / "index.html").read_text(encoding="utf-8")
    for block in manifest.blocks:
        assert f"<h2>{block.name}</h2>" in written
