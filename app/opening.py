"""Opens what the settings name: engines, store and samples, as services."""

from app.core.decoding import ImageLimits
from app.engine.opening import open_engines
from app.samples import load_samples
from app.service.digits import SQLiteDigitStore
from app.service.services import Services
from app.settings import Settings

DATABASE_FILE = "digits.sqlite3"


def open_services(settings: Settings) -> Services:
    """Open everything.

    Raises:
        StartupError: a model folder, the state folder or a sample is unusable; says which.
    """
    engines = open_engines(
        settings.models_dir, settings.engine, settings.interpreters, settings.max_waiting
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
    )
