"""Model folders: damaged, incomplete, changed."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from skiplens.engine.model_folder import find_networks, open_folder
from skiplens.errors import ModelError
from tests.network.tiny import SAVES_WITH_KERAS

pytestmark = SAVES_WITH_KERAS

Record = dict[str, Any]


def edit(folder: Path, change: Callable[[Record], object]) -> None:
    path = folder / "manifest.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    change(record)
    path.write_text(json.dumps(record), encoding="utf-8")


def refusal(folder: Path) -> str:
    """The one sentence with which a folder is refused."""
    with pytest.raises(ModelError) as caught:
        open_folder(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 500
    return message


def test_a_sound_folder_opens(tiny_folder: Path) -> None:
    folder = open_folder(tiny_folder)
    assert folder.manifest.id == "tiny"
    assert folder.path == tiny_folder
    content = folder.read("activations.tflite")
    assert hashlib.sha256(content).hexdigest() == folder.manifest.files["activations.tflite"]
    kernel = folder.weights["stem.conv/kernel"]
    assert kernel.dtype == np.float32
    assert not kernel.flags.writeable


@pytest.mark.parametrize("name", ["activations.tflite", "gradients.tflite", "weights.npz"])
def test_a_missing_file_is_told(name: str, spoilt: Path) -> None:
    (spoilt / name).unlink()
    assert (
        refusal(spoilt) == f"model file {spoilt / name} cannot be read: No such file or directory"
    )


@pytest.mark.parametrize("name", ["activations.tflite", "gradients.tflite", "weights.npz"])
def test_a_changed_file_is_told(name: str, spoilt: Path) -> None:
    content = bytearray((spoilt / name).read_bytes())
    content[len(content) // 2] ^= 1
    (spoilt / name).write_bytes(content)
    assert f"{name} does not match its manifest: its SHA-256 is " in refusal(spoilt)
    assert refusal(spoilt).endswith("was expected; compile the network again")


def test_a_network_that_is_not_served_is_not_read_before_it_is_asked_for(spoilt: Path) -> None:
    (spoilt / "network.keras").write_bytes(b"changed")
    folder = open_folder(spoilt)
    with pytest.raises(ModelError, match=r"network\.keras does not match its manifest"):
        folder.read("network.keras")
    with pytest.raises(ModelError, match=r"manifest\.json names no file \.\./secret"):
        folder.read("../secret")


def test_a_missing_manifest_is_told(tmp_path: Path) -> None:
    assert refusal(tmp_path).endswith("manifest.json cannot be read: No such file or directory")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not valid at the whole file: Invalid JSON"),
        (b"{", "is not valid at the whole file: Invalid JSON"),
        (b"\xff\xfe", "is not valid at the whole file: Invalid JSON"),
        (b"[]", "is not valid at the whole file: "),
        (b"{}", "is not valid at format: Field required"),
    ],
)
def test_a_manifest_that_is_none_is_told(content: bytes, reason: str, spoilt: Path) -> None:
    (spoilt / "manifest.json").write_bytes(content)
    assert reason in refusal(spoilt)


def drop_layers(record: Record) -> None:
    del record["layers"]


def shape_of_two(record: Record) -> None:
    record["layers"][3]["shape"] = [7, 7]


def no_kind(record: Record) -> None:
    del record["layers"][0]["kind"]


def text_for_a_number(record: Record) -> None:
    record["parameters"] = "<script>"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (drop_layers, "layers: Field required"),
        (shape_of_two, "layers.3.shape.2: Field required"),
        (no_kind, "layers.0.kind: Field required"),
        (text_for_a_number, "parameters: Input should be a valid integer"),
    ],
)
def test_a_manifest_with_a_wrong_field_is_told_where(
    change: Callable[[Record], object], where: str, spoilt: Path
) -> None:
    edit(spoilt, change)
    assert f"manifest.json is not valid at {where}" in refusal(spoilt)
    assert "<script>" not in refusal(spoilt)


def test_another_format_is_told(spoilt: Path) -> None:
    edit(spoilt, lambda record: record.update(format=99))
    assert refusal(spoilt).endswith("has format 99; 3 is needed: compile it again")


def test_another_networks_manifest_is_told(spoilt: Path) -> None:
    edit(spoilt, lambda record: record.update(id="huge"))
    assert refusal(spoilt).endswith("is of network huge, not tiny")


def test_a_graph_or_a_digest_that_the_manifest_lacks_is_told(spoilt: Path) -> None:
    edit(spoilt, lambda record: record["files"].pop("weights.npz"))
    assert refusal(spoilt).endswith("manifest.json names no file weights.npz")
    edit(spoilt, lambda record: record["graphs"].pop("gradients"))
    assert refusal(spoilt).endswith(
        "must name the graphs activations and gradients; got activations"
    )


def test_networks_are_found_by_their_manifests(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / name).mkdir()
        if name != "c":
            (tmp_path / name / "manifest.json").touch()
    assert find_networks(tmp_path) == (tmp_path / "a", tmp_path / "b")


def test_without_any_the_remedy_is_told(tmp_path: Path) -> None:
    for models in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ModelError, match="holds no compiled network; run skiplens compile"):
            find_networks(models)
