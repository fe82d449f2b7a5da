"""The ladder of depths, read from its file."""

import json
from pathlib import Path

import pytest

from skiplens.core.ladder import LADDER_FILE
from skiplens.core.manifest import Accuracy
from skiplens.errors import StartupError
from skiplens.service.ladder import Rung, read_ladder


def run(kind: str, blocks: int, correct: int) -> dict[str, object]:
    accuracy = {"correct": correct, "digits": 10}
    return {"kind": kind, "blocks": blocks, "test_accuracy": accuracy}


def test_depths_with_both_kinds_come_in_order(tmp_path: Path) -> None:
    path = tmp_path / LADDER_FILE
    runs = [run("plain", 6, 5), run("residual", 6, 7), run("residual", 2, 8), run("plain", 2, 3)]
    path.write_text(json.dumps({"runs": [*runs, run("plain", 14, 1), run("plain", 2, 4)]}))
    assert read_ladder(path) == (
        Rung(2, (Accuracy.of(8, 10),), (Accuracy.of(3, 10), Accuracy.of(4, 10))),
        Rung(6, (Accuracy.of(7, 10),), (Accuracy.of(5, 10),)),
    )


def test_the_gradient_before_training_is_a_share_of_that_at_the_last_block(tmp_path: Path) -> None:
    path = tmp_path / LADDER_FILE
    steps = [{"step": 10, "stream": [9, 9]}, {"step": 0, "stream": [0.1, 0.3, 0.4]}]
    plain = run("plain", 2, 3) | {"history": {"gradients": steps}}
    path.write_text(json.dumps({"runs": [plain, run("residual", 2, 8)]}))
    (rung,) = read_ladder(path)
    assert rung.residual_start is None
    assert rung.plain_start == pytest.approx(0.25)


def test_without_a_file_there_is_no_ladder(tmp_path: Path) -> None:
    assert read_ladder(tmp_path / LADDER_FILE) == ()


@pytest.mark.parametrize("content", ["", "[]", '{"runs": [{"kind": "plain"}]}', '{"runs": 3}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / LADDER_FILE
    path.write_text(content)
    with pytest.raises(StartupError, match=LADDER_FILE):
        read_ladder(path)
