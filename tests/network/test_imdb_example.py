"""The IMDB example, end to end on small made-up reviews."""

from pathlib import Path

import keras
import numpy as np
import pytest

from examples import imdb
from skiplens.network.residual import Residual
from tests.network.tiny import SAVES_WITH_KERAS, numpy

pytestmark = SAVES_WITH_KERAS

WORDS, GOOD, BAD = 12, 5, 7

Reviews = tuple[np.ndarray, np.ndarray]


def reviews(count: int, seed: int) -> Reviews:
    """Reviews of 3 to 14 words as Keras gives them: one word says what the review thinks."""
    rng = np.random.default_rng(seed)
    favourable = rng.integers(0, 2, count)
    texts = np.empty(count, dtype=object)
    for at, good in enumerate(favourable):
        text = rng.integers(8, WORDS, rng.integers(3, 15)).tolist()
        text[-int(rng.integers(1, 4))] = GOOD if good else BAD
        texts[at] = [1, *text]
    return texts, favourable


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of vocabulary that Keras is asked for; it answers with made-up reviews."""
    sizes: list[int] = []

    def load_data(num_words: int) -> tuple[Reviews, Reviews]:
        sizes.append(num_words)
        return reviews(192, 1), reviews(96, 2)

    monkeypatch.setattr(keras.datasets.imdb, "load_data", load_data)
    return sizes


@pytest.mark.parametrize("plain", [False, True])
def test_it_learns_reports_and_saves(
    asked: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str], *, plain: bool
) -> None:
    small = ["--words", str(WORDS), "--length", "10", "--epochs", "3", "--batch", "16"]
    path = tmp_path / "imdb.keras"
    accuracy = imdb.main([*small, "--save", str(path), *(["--plain"] if plain else [])])
    assert asked == [WORDS]
    assert accuracy > 0.9
    name = "imdb-plain" if plain else "imdb"
    assert capsys.readouterr().out.endswith(f"{name}: {accuracy:.2%} of 96 test reviews\n")
    network = keras.models.load_model(path)
    (texts, favourable) = reviews(96, 2)
    found = numpy(network(keras.utils.pad_sequences(texts, 10)))[:, 0] > 0.5
    assert np.mean(found == favourable) == pytest.approx(accuracy)


def test_the_network_is_that_of_the_post() -> None:
    network = imdb.build(20_000, 100)
    kinds = [type(layer).__name__ for layer in network.layers]
    head = ["GlobalMaxPooling1D", "Dropout", "Dense"]
    assert kinds == ["InputLayer", "Embedding", "Residual", *head]
    block = network.get_layer("block1")
    assert isinstance(block, Residual)
    assert block.output.shape == (None, 100, 128)
    lstm = 4 * 2 * (128 * 64 + 64 * 64 + 64)
    assert network.count_params() == 20_000 * 128 + lstm + 128 + 1
    assert imdb.build(20_000, 100, skip=False).count_params() == network.count_params()


def test_reviews_are_cut_to_their_last_words_and_padded_in_front(asked: list[int]) -> None:
    (found, labels), _ = imdb.load(WORDS, 10)
    texts, favourable = reviews(192, 1)
    assert found.shape == (192, 10)
    assert np.array_equal(labels, favourable)
    for row, text in zip(found, texts, strict=True):
        want = text[-10:]
        assert row.tolist() == [0] * (10 - len(want)) + want
