import json
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.results import Result, Target

MET = Result("memory", 119.0, "MB", Target("<", 300))
MISSED = Result("rate, over a bare route", 0.4, target=Target(">=", 0.5))
OF_INTEREST = Result("rate", 12183.4, "/s")


@pytest.mark.parametrize(
    ("value", "text"), [(12183.4, "12,183"), (0.2736, "0.274"), (3.0, "3"), (41.25, "41.2")]
)
def test_a_number_has_three_digits_and_no_more_than_it_needs(value: float, text: str) -> None:
    assert report.number(value) == text


def test_the_verdict_names_what_misses() -> None:
    assert report.verdict([MET, OF_INTEREST]) == "1 of 1 targets met."
    said = report.verdict([MET, MISSED, OF_INTEREST])
    assert said == "1 of 2 targets met; missed: rate, over a bare route."


def test_a_table_has_a_row_for_each_figure() -> None:
    assert report.table("HTTP", [MET, MISSED, OF_INTEREST]).row_count == 3


def test_figures_that_share_a_row_have_a_table_of_their_own() -> None:
    shared = [
        Result("ring", 0.5, "", Target(">=", 0.9), "mild"),
        Result("ring", 0.25, "", column="hard"),
        Result("box", 1.0, "", column="hard"),
    ]
    matrix, alone = report.tables("Photographs", [MET, *shared])
    assert [column.header for column in matrix.columns] == ["", "mild", "hard"]
    assert [list(column.cells) for column in matrix.columns] == [
        ["ring", "box"],
        ["[bold red]0.5[/]", ""],
        ["0.25", "1"],
    ]
    assert alone.row_count == 1
    assert len(list(report.tables("HTTP", [MET, MISSED]))) == 1
    assert report.verdict(shared) == "0 of 1 targets met; missed: ring, mild."


def test_json_names_the_benchmark_and_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    report.write_json(file, {"start": [MET], "serving": [MISSED]})
    written = json.loads(file.read_text())
    assert [one["benchmark"] for one in written["results"]] == ["start", "serving"]
    assert written["machine"]["cores"] >= 1
