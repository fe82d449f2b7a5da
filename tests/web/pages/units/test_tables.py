"""Values made of many numbers: what is listed and what is left out come to the value."""

import pytest

from skiplens.web.pages.unit import Step, Term, UnitExplanation
from tests.web.pages.units.conftest import Explain, number


def working_of(explain: Explain, *asked: object, **options: object) -> UnitExplanation:
    working = explain(*asked, **options).explanation
    assert working is not None
    return working


def values_of(line: Step) -> list[float]:
    return [number(token.value) for token in line.tokens if isinstance(token, Term)]


@pytest.mark.parametrize("network", ["mnist-resnet", "mnist-classic"])
def test_a_dense_layer_lists_its_ten_largest_products(explain: Explain, network: str) -> None:
    working = working_of(explain, "head.logits", 7, network=network)
    table = working.table
    assert table is not None
    assert len(table.rows) == 10
    for row in table.rows:
        value, weight, product = map(number, row.cells)
        assert value * weight == pytest.approx(product, abs=2e-3)
        assert row.href is not None
    listed, rest, bias, total = values_of(working.lines[0])
    assert listed == pytest.approx(sum(number(row.cells[2]) for row in table.rows), abs=1e-2)
    assert listed + rest + bias == pytest.approx(total, abs=1e-2)
    assert table.rest is not None
    assert number(table.rest.split()[-1]) == rest


def test_a_place_of_a_flattened_map_is_named(explain: Explain) -> None:
    table = working_of(explain, "head.logits", 7, network="mnist-classic").table
    assert table is not None
    name, href = table.rows[0].name, table.rows[0].href or ""
    source, place = name.split(" at ")
    assert f"/filters/{source.split(':')[1]}?at={place}#unit" in href


def test_a_softmax_shows_every_class(explain: Explain) -> None:
    working = working_of(explain, "head.probabilities", 7)
    table = working.table
    assert table is not None
    assert [row.name for row in table.rows] == list("0123456789")
    assert [row.name for row in table.rows if row.chosen] == ["7"]
    powers = [number(row.cells[1]) for row in table.rows]
    assert max(powers) == 1
    power, total, value = values_of(working.lines[0])
    assert total == pytest.approx(sum(powers), abs=1e-2)
    assert power / total == pytest.approx(value, abs=1e-3)


def test_a_pooling_writes_its_window_out(explain: Explain) -> None:
    working = working_of(explain, "head.pool", 3, "3,4", network="mnist-classic")
    window = working.window
    assert window is not None
    assert window.numbers is not None
    values = [number(square.text) for square in window.numbers.cells]
    assert len(values) == 4
    assert values_of(working.lines[0]) == [pytest.approx(max(values), rel=0.01)]
    assert window.text.startswith("2 \N{MULTIPLICATION SIGN} 2 values: rows 6 to 7 and columns 8")


def test_a_global_pooling_is_a_mean(explain: Explain) -> None:
    working = working_of(explain, "head.pool", 1)
    total, count, value = values_of(working.lines[0])
    assert count == 49
    assert total / count == pytest.approx(value, rel=1e-3)
