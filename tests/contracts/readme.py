"""Reads the README, CONTRIBUTING and docs/: their tables and their blocks of code."""

import re

from tests.contracts.dockerfile import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
API = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
OWN_NETWORKS = (ROOT / "docs" / "own-networks.md").read_text(encoding="utf-8")
PYTHON = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
RELIABILITY = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
TEXTS = {
    "README": README,
    "CONTRIBUTING": CONTRIBUTING,
    "api": API,
    "own-networks": OWN_NETWORKS,
    "python": PYTHON,
    "reliability": RELIABILITY,
}


def code(text: str, language: str) -> str:
    """The one block of code in that language."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return str(block)


def section(title: str, text: str = README) -> str:
    """What the README, or another text, has under a heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title}"
    return found[1]


def table(title: str, text: str = README) -> list[list[str]]:
    """The rows of the first table under a heading, without its head."""
    lines = [line for line in section(title, text).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
