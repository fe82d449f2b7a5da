"""Opens what the settings name: engines, store and samples, as services."""

from pathlib import Path

from app.core.decoding import ImageLimits
from app.engine.opening import open_engines
from app.errors import DatasetError, StartupError, shown
from app.mnist import read_split
from app.samples import load_samples
from app.service.dataset.collection import Collection
from app.service.dataset.indexes import Dataset
from app.service.dataset.shelf import Shelf
from app.service.services import Services
from app.service.store import SQLiteDigitStore
from app.settings import Settings

DATABASE_FILE = "digits.sqlite3"
INDEX_FOLDER = "indexes"


def open_services(settings: Settings) -> Services:
    """Open everything.

    Raises:
        StartupError: a model folder, the state folder, a sample or the data set is unusable; says
            which.
    """
    dataset = open_dataset(settings.data, settings) if settings.data else None
    engines = open_engines(
        settings.models_dir, settings.engine, settings.interpreters, settings.max_waiting
    )
    if "default_network" in settings.model_fields_set and settings.default_network not in engines:
        raise StartupError(
            f"default network {shown(settings.default_network)} (SKIPLENS_DEFAULT_NETWORK) is not "
            f"loaded; loaded are {', '.join(engines)}"
        )
    samples = load_samples()
    store = SQLiteDigitStore(settings.state_dir / DATABASE_FILE, settings.max_digits)
    return Services.over(
        engines,
        store,
        samples,
        default_network=settings.default_network,
        cache_bytes=settings.cache_bytes,
        limits=ImageLimits(pixels=settings.max_image_pixels, side=settings.max_image_side),
        dataset=dataset,
    )


def open_dataset(source: Path, settings: Settings) -> Dataset:
    """The test digits of a folder with MNIST. All interpreters but one may be busy with them, so
    that there is always one for a visitor.

    Raises:
        StartupError: the folder is missing or damaged, or holds no digit.
    """
    try:
        split = read_split(source, "test")
    except DatasetError as error:
        raise StartupError(
            f"data set {source} cannot be read: {error}; --data (SKIPLENS_DATA) names a folder "
            "with MNIST's test digits"
        ) from error
    if not len(split):
        raise StartupError(f"data set {source} holds no test digit; --data needs one at least")
    shelf = Shelf(settings.state_dir / INDEX_FOLDER)
    return Dataset(Collection("dataset", split), shelf, max(1, settings.interpreters - 1))
