"""What a benchmark finds: a figure, and where there is one the target it is held to."""

import operator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

Relation = Literal["<=", "<", ">="]

_HOLDS: Final = {"<=": operator.le, "<": operator.lt, ">=": operator.ge}


@dataclass(frozen=True)
class Target:
    """What a figure has to reach."""

    relation: Relation
    value: float

    def met(self, measured: float) -> bool:
        """Whether a figure reaches it."""
        return bool(_HOLDS[self.relation](measured, self.value))


@dataclass(frozen=True)
class Result:
    """One figure.

    Attributes:
        what: was measured, in a few words.
        measured: the figure.
        unit: ``x`` for a ratio, else ``ms``, ``s``, ``MB``, ``/s`` or nothing.
        target: what it has to reach; nothing where it is only of interest.
    """

    what: str
    measured: float
    unit: str = "x"
    target: Target | None = None

    @property
    def passed(self) -> bool | None:
        """Whether the target is met; nothing without one."""
        return None if self.target is None else self.target.met(self.measured)

    def to_dict(self) -> dict[str, Any]:
        """The figure as plain JSON values."""
        return {**asdict(self), "passed": self.passed}
