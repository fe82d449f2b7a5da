"""A benchmark's result: a value and its target, if it has one."""

import operator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Relation = Literal["<=", "<", ">="]

_HOLDS: Final = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}


@dataclass(frozen=True)
class Target:
    """A bound that a value must meet."""

    relation: Relation
    value: float

    def met(self, measured: float) -> bool:
        """Whether a value meets the bound."""
        return bool(_HOLDS[self.relation](measured, self.value))


@dataclass(frozen=True)
class Result:
    """One value.

    Attributes:
        what: was measured, in a few words.
        measured: the figure.
        unit: ``x`` for a ratio, else ``ms``, ``s``, ``MB``, ``KB``, ``/s`` or nothing.
        target: what it has to reach; nothing where it is only of interest.
        column: where several figures of one thing share a row, which of them this is.
    """

    what: str
    measured: float
    unit: str = "x"
    target: Target | None = None
    column: str = ""

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; None without one."""
        return None if self.target is None else self.target.met(self.measured)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain JSON values."""
        return {**asdict(self), "passed": self.passed}
