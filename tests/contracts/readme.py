"""Reads the README, CONTRIBUTING and docs/: their tables and their blocks of code."""

import re

from tests.contracts.dockerfile import ROOT

TEXTS = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))
}
README = TEXTS["README.md"]
CONTRIBUTING = TEXTS["CONTRIBUTING.md"]
API = TEXTS["docs/api.md"]
OWN_NETWORKS = TEXTS["docs/own-networks.md"]
PYTHON = TEXTS["docs/python.md"]
RELIABILITY = TEXTS["docs/reliability.md"]
SETTINGS = TEXTS["docs/settings.md"]


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
