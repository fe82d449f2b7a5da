import json
import re
import tomllib

import pytest

from tests.contracts.dockerfile import ROOT

LOCKS = ["serve", "setup", "postgresql", "dev", "ray", "gpu"]
SET_UP_FILES = [
    ".ci/run", ".dockerignore", ".npmrc", "Dockerfile", "Makefile", "compose.yaml",
    "package-lock.json", "package.json", "pyproject.toml", "tsconfig.json",
    *(f"requirements/{lock}.txt" for lock in LOCKS),
]  # fmt: skip
PIN = re.compile(r"^([a-z0-9-]+)==([^\s;]+)", re.MULTILINE)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def text_of(lock: str) -> str:
    return (ROOT / "requirements" / f"{lock}.txt").read_text()


def pins(lock: str) -> dict[str, str]:
    return dict(PIN.findall(text_of(lock)))


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9-]+", requirement)
    assert found is not None
    return found[0].lower()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_one_version_and_a_hash(lock: str) -> None:
    entries = re.split(r"\n(?=\S)", re.sub(r"^ *#.*\n", "", text_of(lock), flags=re.MULTILINE))
    assert len(entries) == len(pins(lock))
    for entry in entries:
        assert PIN.match(entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize(
    ("lock", "among"),
    [("serve", "postgresql"), ("postgresql", "dev"), ("postgresql", "ray"), ("serve", "gpu")],
)
def test_what_serves_is_tested_in_the_same_versions(lock: str, among: str) -> None:
    assert pins(lock).items() <= pins(among).items()


def test_no_two_locks_disagree() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, version in pins(lock).items():
            versions.setdefault(name, set()).add(version)
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}


def test_the_locks_hold_all_that_the_project_asks_for() -> None:
    extras = PROJECT["project"]["optional-dependencies"]
    groups = PROJECT["dependency-groups"]
    asked = {
        "serve": PROJECT["project"]["dependencies"],
        "setup": groups["setup"],
        "dev": [
            *PROJECT["project"]["dependencies"],
            *extras["tensorflow"],
            *extras["extract"],
            *extras["postgresql"],
            *groups["dev"],
        ],
        "postgresql": [*PROJECT["project"]["dependencies"], *extras["postgresql"]],
        "ray": [*PROJECT["project"]["dependencies"], *extras["postgresql"], *extras["ray"]],
        "gpu": [*PROJECT["project"]["dependencies"], *extras["gpu"]],
    }
    for lock, requirements in asked.items():
        assert {name_of(requirement) for requirement in requirements} <= set(pins(lock)), lock


def test_serving_needs_nothing_to_train_with() -> None:
    assert not {"keras", "ray", "sqlalchemy", "tensorflow", "zarr"} & set(pins("serve"))


@pytest.mark.parametrize("path", SET_UP_FILES)
def test_no_host_and_no_path_of_a_machine_is_named(path: str) -> None:
    text = (ROOT / path).read_text()
    named = r"https?://|index-url\b(?<!no-emit-index-url)|\b[\w-]+\.(?:com|io|org|net|dev)\b|/(?:root|home)/"
    assert re.findall(named, text) == []


def test_npm_packages_are_held_to_their_hashes() -> None:
    packages = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    fetched = [entry for place, entry in packages.items() if place]
    assert fetched
    for entry in fetched:
        assert entry["integrity"].startswith("sha512-")
        assert entry["dev"] is True
        assert "resolved" not in entry
