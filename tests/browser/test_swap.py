"""Another state of a page takes the place of this one, and what is equal already is kept."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.browser.conftest import OpenPage

# What a page is after it was made equal to another, and what a script found out on the way.
MORPH = """async ([before, after, prepare, ask]) => {
  const address = document.querySelector("script[src$='js/site.js']").src;
  const { morph } = await import(address.replace("site.js", "swap.js"));
  const read = (html) => new DOMParser().parseFromString(`<main>${html}</main>`, "text/html");
  const current = document.querySelector("main");
  current.replaceChildren(...read(before).querySelector("main").childNodes);
  for (const { name } of [...current.attributes]) current.removeAttribute(name);
  const first = (selector) => current.querySelector(selector);
  const steps = {
    focus: (selector) => first(selector).focus(),
    open: (selector) => { first(selector).open = true; },
    type: (selector) => { first(selector).value = "typed"; },
    mark: (selector) => { first(selector).mark = true; },
  };
  for (const [step, selector] of prepare) steps[step](selector);
  morph(current, document.adoptNode(read(after).querySelector("main")));
  const answers = {
    focused: (selector) => first(selector) === document.activeElement,
    open: (selector) => first(selector).open,
    value: (selector) => first(selector).value,
    same: (selector) => first(selector)?.mark === true,
  };
  return [current.innerHTML, ...ask.map(([name, selector]) => answers[name](selector))];
}"""

Morph = Callable[..., list[Any]]
Steps = Sequence[Sequence[str]]


@pytest.fixture
def morph(open_page: OpenPage) -> Morph:
    """Makes a part of a page equal to another: returns what it is then, and answers."""
    page = open_page("/experiments")  # one of the lightest

    def done(before: str, after: str, prepare: Steps = (), ask: Steps = ()) -> list[Any]:
        found: list[Any] = page.evaluate(MORPH, [before, after, list(prepare), list(ask)])
        return found

    return done


def test_a_part_becomes_equal_to_the_other(morph: Morph) -> None:
    for before, after in (
        ("<p>one</p>", "<p>two</p>"),
        ("<p>one</p>text", "text<p>one</p>"),
        ("<p>a</p><p>b</p><p>c</p>", "<p>a</p>"),
        ("<p>a</p>", "<p>a</p><ul><li>b</li></ul>"),
        ("<p>a</p>", "<div>a</div>"),
        ('<a href="/a" aria-current="true">a</a>', '<a href="/b">a</a>'),
        ('<p id="a">a</p><p id="b">b</p>', '<p id="b">b</p><p id="c">c</p>'),
        ("<svg><path d='M0 0H1'/></svg>", "<svg><path d='M0 0H2'/><circle r='1'/></svg>"),
        ("<p>a</p><!-- note -->", "<p>b</p>"),
        ("", "<p>a</p>"),
        ("<p>a</p>", ""),
    ):
        assert morph(before, after)[0] == morph("", after)[0], (before, after)


def test_the_focus_stays_where_it_is(morph: Morph) -> None:
    before = '<button id="a">off</button><p>x</p>'
    after = '<p>new</p><button id="a" aria-pressed="true">on</button>'
    html, focused, same = morph(
        before,
        after,
        [["focus", "#a"], ["mark", "#a"]],
        [["focused", "#a"], ["same", "#a"]],
    )
    assert html == after
    assert focused
    assert same


def test_open_disclosures_stay_open(morph: Morph) -> None:
    before = "<details><summary>more</summary>a</details>"
    after = "<details><summary>more</summary>b</details>"
    assert morph(before, after, [["open", "details"]], [["open", "details"]])[1]


def test_pictures_stay_until_the_new_ones_are_there(morph: Morph) -> None:
    before = '<figure data-layer="a"><img alt="a"></figure>'
    after = '<p>new</p><figure data-layer="a"><img alt="b"></figure>'
    html, same = morph(before, after, [["mark", "img"]], [["same", "img"]])
    assert html == after
    assert same


def test_of_what_is_kept_nothing_changes(morph: Morph) -> None:
    before = '<p data-kept="">mine</p><p>a</p>'
    html = morph(before, '<p data-kept="">theirs</p><p>b</p>')[0]
    assert html == '<p data-kept="">mine</p><p>b</p>'


def test_what_a_script_added_stays(morph: Morph) -> None:
    before = '<img alt=""><canvas data-added=""></canvas><p>a</p>'
    html = morph(before, '<img alt=""><p>b</p>')[0]
    assert html == '<img alt=""><canvas data-added=""></canvas><p>b</p>'


def test_what_the_script_showed_stays_shown(morph: Morph) -> None:
    assert morph("<p>drawn</p>", "<p hidden>drawn</p>")[0] == "<p>drawn</p>"


def test_a_field_has_the_new_value_unless_someone_types(morph: Morph) -> None:
    before = '<input name="a" value="1"><input name="b" value="1">'
    after = '<input name="a" value="2"><input name="b" value="2">'
    prepare = [["type", "[name=a]"], ["type", "[name=b]"], ["focus", "[name=b]"]]
    found = morph(before, after, prepare, [["value", "[name=a]"], ["value", "[name=b]"]])
    assert found[1:] == ["2", "typed"]


def test_the_option_that_the_server_chose_is_chosen(morph: Morph) -> None:
    before = '<select name="a"><option selected>x</option><option>y</option></select>'
    after = '<select name="a"><option>x</option><option selected>y</option></select>'
    assert morph(before, after, [], [["value", "select"]])[1] == "y"
