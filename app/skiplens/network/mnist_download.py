"""Loads MNIST from a folder, or downloads it through Keras."""

from pathlib import Path

from skiplens.errors import DatasetError
from skiplens.mnist import Part, Split, read_split


def load_mnist(part: Part, source: Path | None = None) -> Split:
    """The 60,000 training digits or the 10,000 test digits, in the order of the source.

    Args:
        part: ``train`` or ``test``.
        source: see :func:`skiplens.mnist.read_split`; ``None`` downloads MNIST through Keras.

    Raises:
        DatasetError: the source is missing or damaged or holds no digits, or the download fails.
    """
    if source is not None:
        return read_split(source, part)
    import keras  # only the download needs it

    try:
        train, test = keras.datasets.mnist.load_data()
    except Exception as error:  # Keras raises no narrower class
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(
            f"MNIST cannot be downloaded ({reason}); pass its folder with --data, or compile with "
            "--no-measure"
        ) from error
    return Split(*(train if part == "train" else test))
