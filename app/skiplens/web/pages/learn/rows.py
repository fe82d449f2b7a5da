"""The step about time: a network that reads the digit row by row, and its answer after each."""

from dataclasses import dataclass, replace
from typing import Final

from skiplens.core.input_image import SIDE
from skiplens.errors import InvalidParameterError, quoted
from skiplens.service.early_exits_and_votes import EarlyExit, exits_by_row
from skiplens.service.feature_map_table import block_table
from skiplens.web.pages import figures, fmt
from skiplens.web.pages.figures import Picture
from skiplens.web.pages.learn.pairs import twin_pairs
from skiplens.web.pages.learn.scene import Question, Scene, StepFigure

_ZOOM: Final = 4


@dataclass(frozen=True)
class RowAnswer:
    """What the network answers after a row, while those below are blank."""

    label: str
    text: str
    href: str
    is_final: bool
    """Whether it is the answer after all rows."""


@dataclass(frozen=True)
class RowsPart:
    """x, F(x) or the sum of the first block: a column for each unit, time running downwards."""

    symbol: str
    tone: str
    box: str
    """``viewBox`` of it in the picture."""
    mark: tuple[int, int, int, int]
    """x, y, width, height of the chosen row in the picture."""


def time_figure(scene: Scene) -> StepFigure:
    """The first block's x, F(x) and sum in a network that reads rows, and its answer after each.

    Raises:
        InvalidParameterError: the figure's state names no row.
    """
    exits = exits_by_row(scene.context.engine, scene.forward)
    row = _row(scene.state.at)
    answers = tuple(_answer(scene, exits, at) for at in range(len(exits)))
    values: dict[str, object] = {"answers": answers, "row": row}
    if answers:
        values |= _maps(scene, row)
        told = dict.fromkeys((answers[row].text, answers[-1].text))  # once after the last row
        values["sentence"] = " ".join(told)
        pairs = twin_pairs(scene.context.services)
        values["pair"] = next((one for one in pairs if one.key == scene.manifest.id), None)
    return StepFigure(
        values=values,
        questions=_questions(answers, row, touched=scene.state.at is not None),
        tool=("All rows in the tool", scene.links.blocks()),
    )


def _row(at: str | None) -> int:
    """The row that was chosen, by default the last."""
    if at is None:
        return SIDE - 1
    if not (at.isascii() and at.isdecimal()) or int(at) >= SIDE:
        raise InvalidParameterError(f"at must be a row, 0 to {SIDE - 1}, not {quoted(at)}")
    return int(at)


def _answer(scene: Scene, exits: tuple[EarlyExit, ...], row: int) -> RowAnswer:
    found, last = (int(exits[at].probabilities.argmax()) for at in (row, -1))
    label = scene.manifest.classes[found]
    share = fmt.percent(float(exits[row].probabilities[found]))
    after = "all rows" if row == SIDE - 1 else f"row {row}"
    text = f"After {after} the answer is {label}, at {share}."
    return RowAnswer(label, text, scene.address(at=row), found == last)


def _maps(scene: Scene, row: int) -> dict[str, object]:
    """The maps of the first block, with the chosen row in each."""
    block = scene.manifest.blocks[0]
    table = block_table(scene.forward, block, scene.links.options.palette, _ZOOM)
    parts = []
    for shown in table.rows:
        units = (shown.first, shown.first + shown.layer.filters - 1)
        first, last = (table.box(shown, unit) for unit in units)
        if first is None or last is None:
            continue
        left, top, _, height = first
        width = last[0] + last[2] - left
        parts.append(
            RowsPart(
                shown.role,
                figures.row_tone(shown.role),
                f"{left} {top} {width} {height}",
                (left, top + row * height // SIDE, width, height // SIDE),
            )
        )
    picture = Picture.of(scene.links.block_maps(block.name, zoom=_ZOOM), table.layout)
    legend = replace(figures.table_legend(table), sharing="the same scale for x, F(x) and the sum")
    return {"picture": picture, "parts": tuple(parts), "block": block, "legend": legend}


def _questions(
    answers: tuple[RowAnswer, ...], row: int, *, touched: bool
) -> tuple[Question, Question]:
    touched = touched and bool(answers)
    others = [at for at, answer in enumerate(answers) if not answer.is_final]
    stays = others[-1] + 1 if others else 0
    remark = answers[row].text if touched else ""
    never = "" if others else " On this digit it never changes."
    return (
        Question.judged(
            "After which row does the answer no longer change?",
            touched=touched,
            right=row == stays,
            remark=remark,
        ),
        Question.judged(
            "Find a row after which the answer is different.",
            touched=touched,
            right=row in others or not others,
            remark=remark + never,
        ),
    )
