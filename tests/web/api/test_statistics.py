"""Statistics as a table: the same numbers as in JSON, one row a filter."""

import csv

from starlette.testclient import TestClient

from skiplens.engine.base import Engine


def rows(api: TestClient, address: str) -> list[dict[str, str]]:
    answer = api.get(address)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["etag"]
    return list(csv.DictReader(answer.text.splitlines()))


def test_a_layers_table_says_what_its_json_says(api: TestClient, view: str) -> None:
    layer = f"{view}/layers/block1.output"
    filters = api.get(f"{layer}/activations").json()["filters"]
    found = rows(api, f"{layer}/statistics.csv")
    assert len(found) == len(filters) == 16
    for row, one in zip(found, filters, strict=True):
        assert list(row) == list(one)
        assert all(float(row[name]) == one[name] for name in list(one)[:6])
        assert (row["dead"] == "true") == one["dead"]


def test_the_networks_table_has_every_layer(api: TestClient, view: str, engine: Engine) -> None:
    found = rows(api, f"{view}/statistics.csv")
    layers = engine.manifest.layers
    assert len(found) == sum(layer.filters for layer in layers)
    assert list(dict.fromkeys(row["layer"] for row in found)) == [layer.name for layer in layers]


def test_it_follows_what_is_switched_off(api: TestClient, view: str) -> None:
    layer = f"{view}/layers/block1.residual/statistics.csv"
    assert not any(row["dead"] == "true" for row in rows(api, layer))
    assert all(row["dead"] == "true" for row in rows(api, f"{layer}?scale=block1:0"))
