"""Asks axe-core what is wrong with a page. No rule is turned off."""

from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page, expect

TAGS: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def violations(page: Page, axe: Path) -> list[str]:
    """What axe finds wrong, one line for each element."""
    # What is busy moves without end; the rest goes to its end at once, since a movement out of
    # sight may never get there by itself.
    expect(page.locator('[aria-busy="true"]')).to_have_count(0)
    page.evaluate("document.getAnimations().forEach((one) => one.finish())")
    load_axe(page, axe)
    found: list[dict[str, Any]] = page.evaluate(
        """async (tags) => (await axe.run(
            { include: ["html"] }, { runOnly: tags, resultTypes: ["violations"] }
        )).violations""",
        TAGS,
    )
    return [
        f"{one['id']}: {node['html'][:160]} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]


def load_axe(page: Page, axe: Path) -> None:
    """Give the page the checker, past its policy: nothing of it is loaded by the page itself."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(f"() => {{ {axe.read_text(encoding='utf-8')} }}")
