"""What the settings name is opened: here the data set."""

import os
from pathlib import Path

import pytest

from skiplens.errors import StartupError
from skiplens.server import open_dataset, open_services
from skiplens.service.dataset.activation_index import build_index
from skiplens.settings import Settings
from tests.conftest import MODELS
from tests.idx import shifted_samples, write_test_set


def test_a_default_network_that_is_asked_for_must_be_there() -> None:
    with pytest.raises(StartupError, match=r"'mist' .* is not loaded; loaded are mnist-classic"):
        open_services(Settings(default_network="mist"))


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
    assert services.digits.get(digit).place == 200
    assert services.digits.count() == 0
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
