"""An export of a sample, written to a folder once per session."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from skiplens.core.input_image import Digit
from skiplens.engine.base import Engine
from skiplens.export.gallery import ExportContext, ExportOptions, load_export_context, write
from tests.conftest import services_over


@pytest.fixture(scope="session")
def load_context(
    engines: Mapping[str, Engine], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[ExportOptions], ExportContext]:
    """Loads export contexts over the networks that ship."""
    services = services_over(engines, tmp_path_factory.mktemp("state"))
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
