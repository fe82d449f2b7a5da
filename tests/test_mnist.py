"""Reading MNIST: every form it comes in, and one sentence for each way it can be damaged."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from skiplens.errors import DatasetError
from skiplens.mnist import Split, read_idx, read_split
from tests.idx import idx

Bytes = NDArray[np.uint8]
RNG = np.random.default_rng(8)
TRAIN = RNG.integers(0, 256, (5, 28, 28), np.uint8), RNG.integers(0, 10, 5, np.uint8)
TEST = RNG.integers(0, 256, (3, 28, 28), np.uint8), RNG.integers(0, 10, 3, np.uint8)
STEMS = {
    "train-images-idx3-ubyte": TRAIN[0],
    "train-labels-idx1-ubyte": TRAIN[1],
    "t10k-images-idx3-ubyte": TEST[0],
    "t10k-labels-idx1-ubyte": TEST[1],
}


def plain(folder: Path) -> Path:
    for stem, array in STEMS.items():
        (folder / stem).write_bytes(idx(array))
    return folder


def dotted(folder: Path) -> Path:
    for stem, array in STEMS.items():
        (folder / stem.replace("-idx", ".idx")).write_bytes(idx(array))
    return folder


def gzipped(folder: Path) -> Path:
    for stem, array in STEMS.items():
        (folder / f"{stem}.gz").write_bytes(gzip.compress(idx(array)))
    return folder


def archive(folder: Path) -> Path:
    path = folder / "mnist.npz"
    np.savez(path, x_train=TRAIN[0], y_train=TRAIN[1], x_test=TEST[0], y_test=TEST[1])
    return path


def folder_of_archive(folder: Path) -> Path:
    return archive(folder).parent


@pytest.mark.parametrize("make", [plain, dotted, gzipped, archive, folder_of_archive])
def test_every_form_gives_the_same_digits(make: Callable[[Path], Path], tmp_path: Path) -> None:
    source = make(tmp_path)
    for split, (images, labels) in (
        (read_split(source, "train"), TRAIN),
        (read_split(source, "test"), TEST),
    ):
        assert np.array_equal(split.images, images)
        assert np.array_equal(split.labels, labels)
        assert len(split) == len(labels)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0")


def cut_the_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:6])


def leave_nothing(path: Path) -> None:
    path.write_bytes(b"")


def make_floats(path: Path) -> None:
    path.write_bytes(b"\0\0\x0d" + path.read_bytes()[3:])


def make_garbage(path: Path) -> None:
    path.write_bytes(b"not a digit among all of these bytes" * 9)


@pytest.mark.parametrize(
    "damage", [truncate, lengthen, cut_the_header, leave_nothing, make_floats, make_garbage]
)
@pytest.mark.parametrize("form", [plain, gzipped])
def test_a_damaged_file_is_told_by_name(
    form: Callable[[Path], Path], damage: Callable[[Path], None], tmp_path: Path
) -> None:
    path = next(form(tmp_path).glob("train-images*"))
    if path.suffix == ".gz" and damage not in {truncate, make_garbage}:
        inside = tmp_path / "inside"
        inside.write_bytes(gzip.decompress(path.read_bytes()))
        damage(inside)
        path.write_bytes(gzip.compress(inside.read_bytes()))
    else:
        damage(path)
    with pytest.raises(DatasetError, match=r"^train-images-idx3-ubyte(\.gz)? "):
        read_split(tmp_path, "train")
    assert len(read_split(tmp_path, "test")) == 3


def test_a_bad_stream_inside_a_gzip_is_told(tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"")[:10] + b"\xff" * 30)
    with pytest.raises(DatasetError, match=r"^file\.gz cannot be read as IDX"):
        read_idx(path)


@pytest.mark.parametrize("damage", [truncate, make_garbage, leave_nothing])
def test_a_damaged_archive_is_told(damage: Callable[[Path], None], tmp_path: Path) -> None:
    path = archive(tmp_path)
    damage(path)
    with pytest.raises(DatasetError, match=r"^mnist\.npz is not an MNIST archive"):
        read_split(path, "train")


@pytest.mark.parametrize("save", [np.save, np.savez])
def test_an_archive_of_something_else_is_told(save: Callable[..., None], tmp_path: Path) -> None:
    path = tmp_path / "mnist.npz"
    with path.open("wb") as file:
        save(file, TRAIN[0])
    with pytest.raises(DatasetError, match=r"^mnist\.npz is not an MNIST archive"):
        read_split(tmp_path, "train")


def test_what_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere is neither a folder of IDX files nor an mn"):
        read_split(tmp_path / "nowhere", "train")
    with pytest.raises(
        DatasetError, match=r"holds no train-images-idx3-ubyte\[\.gz\] and no mnist"
    ):
        read_split(tmp_path, "train")


@pytest.mark.parametrize("make", [plain, archive])
def test_no_digits_are_told(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = TEST[0][:0], TEST[1][:0]
    monkeypatch.setitem(STEMS, "t10k-images-idx3-ubyte", empty[0])
    monkeypatch.setitem(STEMS, "t10k-labels-idx1-ubyte", empty[1])
    monkeypatch.setattr(f"{__name__}.TEST", empty)
    with pytest.raises(DatasetError, match="holds no test digits"):
        read_split(make(tmp_path), "test")


@pytest.mark.parametrize(
    ("images", "labels", "reason"),
    [
        (TRAIN[0], TEST[1], r"images have shape \(5, 28, 28\) and labels \(3,\)"),
        (TRAIN[0][:, 1:], TRAIN[1], r"shape \(5, 27, 28\)"),
        (TRAIN[0], TRAIN[1][:, None], r"labels \(5, 1\)"),
        (TRAIN[0], TRAIN[1].sum(), r"labels \(\)"),
        (TRAIN[0] / 255, TRAIN[1], "images are float64 and labels uint8; expected uint8"),
        (TRAIN[0], TRAIN[1].astype(np.int64), "labels int64"),
        (TRAIN[0], TRAIN[1] + np.uint8(90), r"labels go up to 9\d; expected 0 to 9"),
    ],
    ids=["counts", "images", "labels", "scalar", "floats", "integers", "classes"],
)
def test_images_and_labels_that_do_not_fit_are_told(
    images: Bytes, labels: Bytes, reason: str
) -> None:
    with pytest.raises(DatasetError, match=reason):
        Split(images, labels)


def test_a_part_of_a_split_keeps_digits_and_labels_together() -> None:
    part = Split(*TRAIN)[np.array([4, 1])]
    assert np.array_equal(part.images, TRAIN[0][[4, 1]])
    assert np.array_equal(part.labels, TRAIN[1][[4, 1]])
    assert len(Split(*TRAIN)[1:3]) == 2
    assert len(Split(*TRAIN)[:0]) == 0


@pytest.mark.skipif("SKIPLENS_MNIST" not in os.environ, reason="SKIPLENS_MNIST names no MNIST")
def test_the_real_mnist_is_what_it_is() -> None:
    source = Path(os.environ["SKIPLENS_MNIST"])
    train, test = read_split(source, "train"), read_split(source, "test")
    assert (len(train), len(test)) == (60_000, 10_000)
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]


def test_networks_take_floats_from_0_to_1() -> None:
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 0, :3] = 0, 51, 255
    found = Split(images, np.zeros(1, np.uint8)).inputs()
    assert (found.shape, str(found.dtype)) == ((1, 28, 28, 1), "float32")
    np.testing.assert_allclose(found.ravel()[:3], [0, 0.2, 1], rtol=1e-7)


def test_digits_come_in_batches_and_evenly_spaced() -> None:
    split = Split(*TRAIN)
    batches = list(split.batches(2))
    assert [len(labels) for _, labels in batches] == [2, 2, 1]
    assert np.array_equal(np.concatenate([images for images, _ in batches]), split.inputs())
    assert np.array_equal(split.evenly_spaced(2).labels, split.labels[[0, 2]])
    assert np.array_equal(split.evenly_spaced(9).labels, split.labels)


def test_digits_are_counted_whose_most_probable_class_is_their_label() -> None:
    split = Split(TRAIN[0], np.arange(5, dtype=np.uint8))
    found = split.accuracy(lambda images: np.eye(10)[np.full(len(images), 1)], 2)
    assert (found.correct, found.digits) == (1, 5)
