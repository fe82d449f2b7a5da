"""Layers as the API describes them."""

from skiplens.core.receptive_field import receptive_fields
from skiplens.engine.base import Engine
from skiplens.web.api.schemas import Layer, ReceptiveField


def test_every_layer_comes_with_what_its_values_see(engine: Engine) -> None:
    fields = receptive_fields(engine.manifest.layers, (28, 28))
    described = Layer.all_of(engine.manifest)
    assert [one.name for one in described] == list(fields)
    for one in described:
        assert one.receptive_field == ReceptiveField.of(fields[one.name])


def test_a_receptive_field_is_stated_along_rows_and_columns(engine: Engine) -> None:
    first, *_, last = Layer.all_of(engine.manifest)
    assert first.receptive_field.model_dump() == {
        "start": (-1, -1),
        "stride": (1, 1),
        "size": (3, 3),
    }
    assert last.receptive_field.model_dump() == {
        "start": (0, 0),
        "stride": (0, 0),
        "size": (28, 28),
    }
