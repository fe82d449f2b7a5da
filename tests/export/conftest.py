"""An export of a sample, written to a folder once per session."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from skiplens.core.digit import Digit
from skiplens.core.image_decoding import ImageLimits
from skiplens.engine.base import Engine
from skiplens.export.gallery import ExportContext, ExportOptions, load_export_context
from skiplens.export.writing import write
from skiplens.samples import load_samples
from skiplens.service.digit_store import DigitDatabase
from skiplens.service.services import Services


@pytest.fixture(scope="session")
def load_context(
    engines: Mapping[str, Engine], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ExportOptions], ExportContext]:
    """Loads export contexts over the networks that ship."""
    store = DigitDatabase(tmp_path_factory.mktemp("state") / "digits.sqlite3", 10)
    services = Services.create(
        engines,
        store,
        load_samples(),
        default_network="mnist-resnet",
        cache_bytes=64_000_000,
        limits=ImageLimits(),
    )
    return lambda options: load_export_context(services, options)


@pytest.fixture(scope="session")
def context(load_context: Callable[[ExportOptions], ExportContext], digit: Digit) -> ExportContext:
    """A seven in the default network, without what the second block adds."""
    return load_context(ExportOptions(digit=digit.id, scale="block2:0"))


@pytest.fixture(scope="session")
def exported(context: ExportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the context."""
    folder = tmp_path_factory.mktemp("exported")
    write(context, folder)
    return folder
