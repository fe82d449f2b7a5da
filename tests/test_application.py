"""The app and the services it opens."""

import os
import re
from collections.abc import Callable
from dataclasses import astuple, replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import anyio.to_thread
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from skiplens.application import create_app, image_limits, open_dataset, open_services
from skiplens.core.grid_image import encode_grey
from skiplens.core.limits import ImageLimits
from skiplens.engine.base import Engine
from skiplens.errors import StartupError
from skiplens.service.dataset.activation_index import build_index
from skiplens.service.services import Services
from skiplens.settings import ROOT, Settings
from tests.conftest import MODELS
from tests.idx import shifted_samples, write_test_set

COMPUTING = 70


@pytest.fixture
def opened(open_services: Callable[[], Services]) -> list[Services]:
    """Services that were opened; there are none yet."""
    return []


@pytest.fixture
def app(open_services: Callable[[], Services], opened: list[Services]) -> FastAPI:
    def opening() -> Services:
        opened.append(open_services())
        return opened[-1]

    return create_app(Settings(computing=COMPUTING), opening)


def test_each_limit_of_images_is_a_setting() -> None:
    bounds = {name: value for name, value in Settings() if isinstance(value, int)}
    doubled = Settings().model_copy(update={name: 2 * value for name, value in bounds.items()})
    assert astuple(image_limits(doubled)) == tuple(2 * most for most in astuple(ImageLimits()))


def test_every_setting_is_read() -> None:
    code = "".join(path.read_text() for path in (ROOT / "app").rglob("*.py"))
    assert not set(Settings.model_fields) - set(re.findall(r"settings\.(\w+)", code))


def test_services_open_when_the_app_starts_and_close_when_it_stops(
    app: FastAPI, opened: list[Services]
) -> None:
    assert opened == []
    with TestClient(app):
        assert len(opened) == 1
        assert app.state.ready
        assert opened[0].digits.database.count() == 0
    assert not app.state.ready
    with pytest.raises(Exception, match="closed database"):
        opened[0].digits.database.count()


def test_an_app_that_cannot_open_its_services_does_not_start() -> None:
    def failing() -> Services:
        raise StartupError("no models")

    with (
        pytest.raises(StartupError, match="no models"),
        TestClient(create_app(Settings(), failing)),
    ):
        pass


def test_requests_that_have_a_place_find_a_thread(app: FastAPI) -> None:
    async def threads() -> float:
        return anyio.to_thread.current_default_thread_limiter().total_tokens

    app.add_api_route("/threads", threads)
    with TestClient(app, "http://127.0.0.1") as client:
        assert client.get("/threads").json() > COMPUTING


def test_a_default_network_that_is_asked_for_must_be_there() -> None:
    with pytest.raises(StartupError, match=r"'mist' .* is not loaded; loaded are mnist-classic"):
        open_services(Settings(default_network="mist"))


def test_memory_must_suffice_for_as_many_images_as_are_decoded_at_a_time() -> None:
    with pytest.raises(
        StartupError, match=r"\(SKIPLENS_MAX_HELD_BYTES\) is .* at least 578,813,952"
    ):
        open_services(Settings(decoders=2))


def test_workers_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    assert (Settings().interpreters, Settings().computing) == (8, 9)
    assert (Settings(workers=4).interpreters, Settings(workers=4).computing) == (2, 3)
    assert Settings(workers=16).interpreters == 1


def test_a_data_set_is_read_and_all_interpreters_but_one_may_work_on_it(tmp_path: Path) -> None:
    split = shifted_samples()
    folder = write_test_set(tmp_path / "mnist", split)
    for interpreters, workers in ((1, 1), (2, 1), (4, 3)):
        found = open_dataset(folder, Settings(interpreters=interpreters))
        assert found.workers == workers
        assert (found.collection.split.images == split.images).all()
        assert found.collection.kind == "dataset"


def test_its_digits_are_served_and_not_stored(tmp_path: Path) -> None:
    folder = write_test_set(tmp_path / "mnist", shifted_samples())
    settings = Settings(
        data=folder,
        state_dir=tmp_path / "state",
        models_dir=MODELS,
        engine="litert",
        interpreters=1,
    )
    services = open_services(settings)
    digit = services.indexes.dataset.ids[200]
    assert services.digits.get(digit).dataset_index == 200
    assert services.digits.database.count() == 0
    services.close()


def test_digits_in_files_are_shown_first(tmp_path: Path) -> None:
    paper = np.full((90, 70), 250, np.uint8)
    paper[15:75, 30:38] = 20
    file = tmp_path / "one.png"
    file.write_bytes(encode_grey(paper))
    settings = Settings(state_dir=tmp_path / "state", engine="litert", images=(file,))
    services = open_services(settings)
    (manifest, *_) = (engine.manifest for engine in services.registry.networks)
    shown = services.default_input(manifest)
    assert (shown.style, shown.inverted, shown.image.pixels.shape) == ("one.png", True, (28, 28))
    assert services.digits.get(shown.image.id) is shown
    assert services.digits.database.count() == 0
    services.close()
    file.write_text("no image")
    with pytest.raises(StartupError, match=r"one\.png: "):
        open_services(settings)


@pytest.mark.parametrize("own", [True, False])
def test_images_are_for_the_own_network_or_else_for_the_first(
    own: bool, engine: Engine, tmp_path: Path
) -> None:
    file = tmp_path / "photo.png"
    file.write_bytes(encode_grey(np.arange(800, dtype=np.uint8).reshape(20, 40)))
    colours = replace(
        engine.manifest, id="mine", input=replace(engine.manifest.input, kind="image")
    )
    mine = cast("Engine", SimpleNamespace(manifest=colours, close=lambda: None))
    settings = Settings(
        state_dir=tmp_path / "state",
        images=(file,),
        own_network=tmp_path / "mine" if own else None,
    )
    engines = {engine.manifest.id: engine, "mine": mine} if own else {"mine": mine}
    services = open_services(settings, engines=engines)
    assert [one.style for one in services.pictures(colours).values()] == ["photo.png"]
    assert not services.digits.given
    services.close()


@pytest.mark.skipif("SKIPLENS_MNIST" not in os.environ, reason="SKIPLENS_MNIST names no MNIST")
def test_the_real_test_set_is_read_as_well_as_the_manifest_says(tmp_path: Path) -> None:
    settings = Settings(
        data=Path(os.environ["SKIPLENS_MNIST"]),
        state_dir=tmp_path,
        models_dir=MODELS,
        engine="litert",
        interpreters=2,
    )
    services = open_services(settings)
    engine, digits = services.registry.network("mnist-classic"), services.indexes.dataset
    index = build_index(engine, digits, 1)
    accuracy = engine.manifest.test_accuracy
    assert accuracy is not None
    assert len(digits) == accuracy.digits
    assert int((index.predictions == digits.split.labels).sum()) == accuracy.correct
    assert int(index.confusion(digits.split.labels).trace()) == accuracy.correct
    services.close()
