import re
import tomllib
from pathlib import Path
from typing import get_args

import pytest
from annotated_types import Ge, Le
from pydantic.fields import FieldInfo
from typer.main import get_command

from scripts import list_networks
from skiplens.cli import app
from skiplens.core.colormaps import PaletteName
from skiplens.core.value_range import Normalisation
from skiplens.samples import load_samples
from skiplens.settings import GIBIBYTE, KIBIBYTE, MEBIBYTE, TEBIBYTE, Settings
from tests.contracts.dockerfile import ROOT
from tests.contracts.readme import (
    API,
    CONTRIBUTING,
    README,
    RELIABILITY,
    SETTINGS,
    TEXTS,
    section,
    table,
)

WORDS_FOR_DEFAULTS = {
    "data": "none",
    "own_network": "none",
    "root_path": "none",
    "trust_prefix_header": "false",
    "cross_origin_pictures": "false",
    "state_dir": "the user's data folder",
    "interpreters": "cores divided by `SKIPLENS_WORKERS`",
    "computing": "cores divided by `SKIPLENS_WORKERS`, plus 1",
    "allowed_hosts": "the machine's own names",
    "health_port": "none",
    "port": "8000",
}
NO_BOUNDS = {"port", "health_port", "workers", "interpreters"}
MAKE_TARGETS = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))


def default_in_words(name: str, field: FieldInfo) -> str:
    default = field.default
    if name in WORDS_FOR_DEFAULTS:
        return WORDS_FOR_DEFAULTS[name]
    if isinstance(default, Path):
        return f"{default.relative_to(ROOT)}/"
    if isinstance(default, tuple):
        return ",".join(default) or "none"
    if isinstance(default, bool):
        return str(default).lower()
    return with_unit(name, default) if isinstance(default, int | float) else default or "none"


def with_unit(name: str, value: float) -> str:
    """A value of a setting as the documents write it."""
    if name.endswith("seconds"):
        return f"{value:,.10g} s"
    if name.endswith("bytes") and value:
        for unit, size in (("TiB", TEBIBYTE), ("GiB", GIBIBYTE), ("MiB", MEBIBYTE)):
            if value >= size:
                return f"{value / size:.4g} {unit}"
        return f"{value / KIBIBYTE:g} KiB" if value >= KIBIBYTE else f"{value:g} bytes"
    return f"{value:,.10g}"


def range_of(name: str, field: FieldInfo) -> str | None:
    """The values that a bound may have; ``None`` of a setting that is no bound."""
    limits = {type(limit): limit for limit in field.metadata}
    if name in NO_BOUNDS or Ge not in limits:
        return None
    least, most = with_unit(name, limits[Ge].ge), with_unit(name, limits[Le].le)
    if least == "0" or least.partition(" ")[2] == most.partition(" ")[2]:
        least = least.partition(" ")[0]
    return f"{least} to {most}"


def test_the_settings_are_all_there_and_as_they_are() -> None:
    """Every setting with a range is a bound, and the table of bounds has no other rows."""
    bounds, others = [], []
    for name, field in Settings.model_fields.items():
        row = [f"`SKIPLENS_{name.upper()}`", default_in_words(name, field)]
        allowed, description = range_of(name, field), str(field.description)
        if allowed:
            bounds.append([*row, allowed, description])
        else:
            others.append([*row, description])
    assert [row[:4] for row in table("The bounds", RELIABILITY)] == bounds
    assert table("Settings", SETTINGS) == others


def test_the_networks_are_those_of_the_manifests() -> None:
    assert list_networks.table() in README, "run python -m scripts.list_networks"


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_make_target_that_is_named_exists(text: str) -> None:
    assert (
        set(re.findall(r"\bmake ([a-z]+)(?=[`\s]*(?: {2,}|`|$))", text, re.MULTILINE))
        <= MAKE_TARGETS
    )


def test_every_make_target_is_named() -> None:
    for target in MAKE_TARGETS - {"help"}:
        assert re.search(rf"^    make {target}\b", CONTRIBUTING, re.MULTILINE), target


def test_every_command_is_named_with_options_that_it_has() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group
    named = re.findall(r"^    skiplens (\w+)(.*)$", section("Commands", SETTINGS), re.MULTILINE)
    assert sorted(name for name, _ in named) == sorted(commands)
    for name, line in named:
        options = {option for one in commands[name].params for option in one.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options


def test_every_choice_is_named() -> None:
    text = section("What every route takes and answers", API)
    for choice in (*Normalisation, *PaletteName):
        assert f"`{choice.value}`" in text
    engines = "|".join(get_args(Settings.model_fields["engine"].annotation))
    assert f"--engine {engines}" in section("Commands", SETTINGS)


def test_the_samples_are_counted() -> None:
    assert f"one of the {len(load_samples())} samples" in " ".join(README.split())


def test_the_versions_of_python_are_those_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">=3.11,<3.14"
    assert "Python 3.11, 3.12 or 3.13" in README


@pytest.mark.parametrize("name", TEXTS)
def test_every_file_that_is_named_exists(name: str) -> None:
    text = TEXTS[name]
    paths = re.findall(r"`((?:app|docs|scripts|static|templates|tests)/[\w/.-]+)`", text)
    modules = re.findall(r"python -m ([\w.]+)", text)
    paths += [module.replace(".", "/") + ".py" for module in modules]
    for path in paths:
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([\w/.-]+)\)", text):
        assert (ROOT / name).parent.joinpath(link).exists(), link


def test_every_file_of_the_map_of_the_code_exists() -> None:
    """The map in CONTRIBUTING has a folder at the start of a line, and files of it after that."""
    (plan,) = re.findall(r"^```\n(app/.*?)^```$", CONTRIBUTING, re.MULTILINE | re.DOTALL)
    folder = ROOT
    named: set[Path] = set()
    for line in plan.splitlines():
        start, _, rest = line.partition(" ")
        folder = ROOT / start if start.endswith("/") else folder
        assert folder.is_dir(), start
        found = re.findall(r"[\w/-]+\.(?:py|js|css|html)\b", rest)
        for name in found:
            assert (folder / name).is_file(), f"{folder}/{name}"
        named |= {folder / name for name in found}
    rooms = ("core", "engine", "network", "service", "web", "export")
    there = {path for room in rooms for path in (ROOT / "app/skiplens" / room).rglob("*.py")}
    assert {path for path in there if path.stem != "__init__"} <= named


def test_the_readme_is_read_in_minutes() -> None:
    assert len(README.splitlines()) <= 130
