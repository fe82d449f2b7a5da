"""Labelled images of any kind, and how many of them a network classifies correctly."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import keras
import numpy as np
from numpy.typing import NDArray

from skiplens.core.image_decoding import LONGEST_TO_FIT, decode_colour, image_files
from skiplens.core.image_stripping import essential
from skiplens.core.input_image import Fit, InputImage
from skiplens.core.manifest import Accuracy
from skiplens.errors import CompileError, SkiplensError
from skiplens.mnist import NPZ_ERRORS, read_split
from skiplens.network.evaluation import OnStep
from skiplens.network.tracing import InstrumentedModel

_BATCH: Final = 16
_GREY: Final = 1


@dataclass(frozen=True)
class LabelledImages:
    """Images with the index of their class.

    Attributes:
        images: the file of each, or its pixels.
        labels: of each.
    """

    images: list[Path] | NDArray[np.uint8]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.labels)

    def image(self, index: int) -> InputImage:
        """One of them.

        Raises:
            CompileError: its file is no image.
        """
        one = self.images[index]
        if not isinstance(one, Path):
            return InputImage.of(one[:, :, 0] if one.shape[2:] == (_GREY,) else one)
        try:
            return InputImage.of(decode_colour(essential(one.read_bytes()), LONGEST_TO_FIT))
        except (OSError, SkiplensError) as error:
            raise CompileError(f"{one} cannot be read: {error}") from error


def read_images(source: Path, classes: tuple[str, ...]) -> LabelledImages:
    """The images of a folder of class folders, an ``npz`` of ``x_test`` and ``y_test``, or a folder
    of MNIST's IDX files.

    Class folders have the names of their classes, or their numbers, or some have one and some the
    other; if one has neither, all folders are the classes in the order of their names.

    Raises:
        CompileError: it is none of these, has more classes than the network, or a folder's name is
            that of two classes.
    """
    if source.is_file():
        return _read_npz(source)
    entries = (entry for entry in source.glob("*/") if entry.is_dir())
    folders = sorted(entry for entry in entries if not entry.name.startswith("."))
    if not folders:
        try:
            split = read_split(source, "test")
        except SkiplensError as error:
            raise CompileError(f"{source} holds no folder of a class, and {error}") from error
        return LabelledImages(split.images, split.labels.tolist())
    names = {name: index for index, name in enumerate(classes)}
    numbers = {str(index): index for index in range(len(classes))}
    found = {folder.name for folder in folders}
    known = next((one for one in (names, numbers, numbers | names) if found <= one.keys()), None)
    if known is None and len(folders) > len(classes):
        raise CompileError(
            f"{source} has {len(folders)} folders; the network knows {len(classes)} classes"
        )
    shared = {name for name, count in Counter(classes).items() if count > 1}
    if known not in (None, numbers) and (unclear := sorted(found & shared)):
        raise CompileError(
            f"{source} has a folder {unclear[0]}, but the network has several classes of that "
            "name; name the folder after the number of its class"
        )
    images: list[Path] = []
    labels: list[int] = []
    for index, folder in enumerate(folders):
        files = image_files(folder)
        images += files
        labels += [index if known is None else known[folder.name]] * len(files)
    if not images:
        raise CompileError(f"the folders in {source} hold no images")
    return LabelledImages(images, labels)


def _read_npz(path: Path) -> LabelledImages:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            images, labels = archive["x_test"], archive["y_test"]
    except NPZ_ERRORS as error:
        raise CompileError(f"{path} holds no x_test and y_test: {error}") from error
    if images.dtype != np.uint8 or not len(images) == len(labels) == labels.size > 0:
        raise CompileError(
            f"{path} must hold uint8 images and a label of each; it has {images.dtype} "
            f"{images.shape} and {labels.shape}"
        )
    return LabelledImages(images, labels.reshape(len(labels)).astype(int).tolist())


def measured_accuracy(
    traced: InstrumentedModel,
    shape: tuple[int, int, int],
    fit: Fit,
    images: LabelledImages,
    on_step: OnStep,
) -> Accuracy:
    """The accuracy on labelled images; ``on_step`` gets the number of images done, and of all."""
    given = traced.model.input
    model = keras.Model(given, traced.model.output[traced.layers[-1].name])
    correct = 0
    for start in range(0, len(images), _BATCH):
        indices = range(start, min(start + _BATCH, len(images)))
        pixels = [images.image(index).as_input(shape, fit) for index in indices]
        inputs: Mapping[str, NDArray[np.float32]] = {
            name: np.concatenate(pixels)
            if name == "image"
            else np.ones((len(indices), *tensor.shape[1:]), np.float32)
            for name, tensor in given.items()
        }
        found = np.asarray(model(inputs, training=False)).reshape(len(indices), -1).argmax(1)
        correct += int((found == [images.labels[index] for index in indices]).sum())
        on_step(indices[-1] + 1, len(images))
    return Accuracy.of(correct, len(images))
