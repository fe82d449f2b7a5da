"""Reads the Dockerfile: its stages, and what each image made from it is given."""

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass
class Stage:
    """One ``FROM``, and the instructions under it as ``(keyword, value)``."""

    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def values(self, keyword: str) -> list[str]:
        return [value for word, value in self.steps if word == keyword]


def read_stages() -> dict[str, Stage]:
    """The stages by name, in the order of the file."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    stages: dict[str, Stage] = {}
    name = ""
    for line in re.sub(r"\\\n\s*", "", text).splitlines():
        keyword, _, value = line.partition(" ")
        if keyword == "FROM":
            base, _, name = value.partition(" AS ")
            stages[name] = Stage(base)
        elif line:
            stages[name].steps.append((keyword, value))
    return stages


STAGES = read_stages()


def lineage(name: str) -> list[Stage]:
    """The stage and those that it is built on, the stage itself first."""
    return [STAGES[name], *lineage(STAGES[name].base)] if name in STAGES else []


def contributors(name: str) -> set[str]:
    """The names of all stages that something in the image comes from."""
    if name not in STAGES:
        return set()
    copied = re.findall(r"--from=(\S+)", " ".join(STAGES[name].values("COPY")))
    return {name}.union(*map(contributors, [STAGES[name].base, *copied]))


def copied_from_here(names: set[str]) -> set[str]:
    """The paths of the project that these stages copy."""
    copies = [value.split() for name in names for value in STAGES[name].values("COPY")]
    return {path for copy in copies if "--from" not in copy[0] for path in copy[:-1]}


def in_force(name: str, keyword: str) -> str:
    """The value of the last such instruction that an image of this stage runs with."""
    return next(values[-1] for stage in lineage(name) if (values := stage.values(keyword)))


def environment(name: str) -> dict[str, str]:
    """The variables that an image of this stage sets."""
    pairs = [
        pair for stage in lineage(name) for value in stage.values("ENV") for pair in value.split()
    ]
    return dict(pair.split("=", 1) for pair in pairs)


def shell_commands(name: str) -> list[str]:
    """The single commands that the stage runs while it is built."""
    return [part.strip() for value in STAGES[name].values("RUN") for part in value.split("&&")]
