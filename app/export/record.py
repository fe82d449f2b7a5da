"""What was computed, as JSON: the same fields as the API's answers, and where the pictures lie."""

import json
from importlib.metadata import version
from typing import Any

from app.core.figures import BlockFigures
from app.export.exhibit import Exhibit
from app.export.pictures import (
    BlockPictures,
    Pictures,
    indexed_kernels_path,
    kernels_path,
    layer_path,
    part_path,
)
from app.service.blocks import figures
from app.web.layer_schemas import Layer
from app.web.schemas import Activations, Network, Prediction


def record(exhibit: Exhibit, pictures: Pictures) -> bytes:
    """The content of ``manifest.json``."""
    stored, examination = exhibit.stored, exhibit.examination
    content = {
        "skiplens": version("skiplens"),
        "network": Network.of(exhibit.engine).model_dump(exclude={"url"}),
        "digit": {
            "id": stored.digit.id,
            "label": stored.label,
            "inverted": stored.inverted,
            "box": stored.box,
            "warnings": stored.warnings,
        },
        "normalize": exhibit.options.normalisation,
        "palette": exhibit.options.palette,
        "prediction": Prediction.of(examination, exhibit.whole).model_dump(),
        "layers": _layers(exhibit, pictures),
        "blocks": [_block(one, pictures.blocks[one.block]) for one in figures(examination)],
    }
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _layers(exhibit: Exhibit, pictures: Pictures) -> list[dict[str, Any]]:
    manifest = exhibit.engine.manifest
    return [
        {
            **described.model_dump(),
            **Activations.of(exhibit.examination, layer).model_dump(exclude_none=True),
            "grid": layer_path(layer.name),
            "kernels": kernels_path(layer.name) if layer.name in pictures.kernels else None,
        }
        for layer, described in zip(manifest.layers, Layer.all_of(manifest), strict=True)
    ]


def _block(one: BlockFigures, pictures: BlockPictures) -> dict[str, Any]:
    return {
        **vars(one),
        "range": pictures.strip.range,
        "strip": part_path(one.block, "strip"),
        "parts": {role: part_path(one.block, role) for role in pictures.parts},
        "kernels": {layer: indexed_kernels_path(one.block, layer) for layer in pictures.kernels},
    }
