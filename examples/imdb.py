"""The IMDB network of the 2016 post, in Keras 3: a bidirectional LSTM with a skip around it.

It says whether a film review is favourable. Run it from the project's folder::

    .venv/bin/python examples/imdb.py                  # the reviews come through Keras, 17 MB
    .venv/bin/python examples/imdb.py --plain          # the same network without the skip
    .venv/bin/python examples/imdb.py --save imdb.keras
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from skiplens.network.residual import Residual

WIDTH = 128

Reviews = tuple[NDArray[np.int32], NDArray[np.int64]]


def build(words: int, length: int, *, skip: bool = True) -> keras.Model:
    """Embedding, ``x + BiLSTM(x)``, maximum over time, dropout, dense.

    The LSTM has half the embedding's units in each direction, so that x and F(x) can be added.

    Args:
        words: size of the vocabulary.
        length: words of a review.
        skip: whether x is added.
    """
    review = keras.Input((length,), dtype="int32", name="review")
    x = layers.Embedding(words, WIDTH, name="embedding")(review)
    lstm = layers.LSTM(WIDTH // 2, return_sequences=True, name="block1.lstm")
    both = layers.Bidirectional(lstm, name="block1.states")
    x = Residual(both, name="block1")(x) if skip else both(x)
    x = layers.GlobalMaxPooling1D(name="head.pool")(x)
    x = layers.Dropout(0.5, name="head.dropout")(x)
    x = layers.Dense(1, activation="sigmoid", name="head.favourable")(x)
    return keras.Model(review, x, name="imdb" if skip else "imdb-plain")


def load(words: int, length: int) -> tuple[Reviews, Reviews]:
    """Training and test reviews: the last ``length`` words of each, as int32 ``(N, length)`` in
    ``[0, words)``, and 1 for a favourable one. Keras downloads them once. Word 0 pads, in front.
    """
    (x_train, y_train), (x_test, y_test) = keras.datasets.imdb.load_data(num_words=words)

    def padded(reviews: Sequence[list[int]]) -> NDArray[np.int32]:
        return np.asarray(keras.utils.pad_sequences(reviews, length), np.int32)

    return (padded(x_train), y_train), (padded(x_test), y_test)


def main(arguments: Sequence[str] | None = None) -> float:
    """Train and evaluate; returns the test accuracy in [0, 1]."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plain", action="store_true", help="leave the skip out")
    parser.add_argument("--words", type=int, default=20_000, help="the most frequent ones")
    parser.add_argument("--length", type=int, default=100, help="words of a review")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch", type=int, default=32, help="reviews in a step")
    parser.add_argument("--seed", type=int, default=2016)
    parser.add_argument("--save", type=Path, help="a .keras file to write the network to")
    options = parser.parse_args(arguments)

    keras.utils.set_random_seed(options.seed)
    training, test = load(options.words, options.length)
    network = build(options.words, options.length, skip=not options.plain)
    network.summary()
    network.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    network.fit(
        *training,
        batch_size=options.batch,
        epochs=options.epochs,
        validation_split=0.1,
        verbose=2,
    )
    _, accuracy = network.evaluate(*test, batch_size=256, verbose=0)
    print(f"{network.name}: {accuracy:.2%} of {len(test[0]):,} test reviews")
    if options.save:
        network.save(options.save)
    return float(accuracy)


if __name__ == "__main__":
    main()
