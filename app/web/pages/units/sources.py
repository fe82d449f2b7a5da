"""Where the numbers of a unit come from: names, colours and links of its layer's inputs."""

from dataclasses import dataclass

from app.core.manifest import INPUT, LayerInfo, Manifest
from app.core.units.working import Unit
from app.service.catalogue import layer_of
from app.web.pages import explanations
from app.web.pages.view import View


@dataclass(frozen=True)
class Sources:
    """The inputs of a unit's layer.

    Attributes:
        unit: the value that is explained.
        manifest: of its network.
        view: for the links.
    """

    unit: Unit
    manifest: Manifest
    view: View

    def layer(self, at: int = 0) -> LayerInfo | None:
        """One of the inputs; nothing for the digit."""
        name = self.unit.layer.inputs[at]
        return None if name == INPUT else layer_of(self.manifest, name)

    def name(self, at: int = 0) -> str:
        """What one of the inputs is called."""
        layer = self.layer(at)
        return "the digit" if layer is None else layer.name

    def href(self, filter_: int, row: int, column: int, at: int = 0) -> str | None:
        """The page that explains a value of one of the inputs; nothing for the digit."""
        layer = self.layer(at)
        if layer is None:
            return None
        return self.view.filter(layer.name, filter_, at=f"{row},{column}") + "#unit"

    def here(self, at: int = 0) -> str | None:
        """The page that explains the value at the same place and filter of one of the inputs."""
        return self.href(self.unit.filter, *self.unit.place, at)

    @property
    def symbol(self) -> str | None:
        """What the unit's layer is to its block, if that has a symbol."""
        return explanations.symbol(self.unit.layer)

    @property
    def own_tone(self) -> str:
        """The colour of the unit's layer."""
        return explanations.tone(self.unit.layer)

    @property
    def normalised(self) -> bool:
        """Whether a batch norm is given the unit's layer."""
        name = self.unit.layer.name
        return any(one.role == "norm" and name in one.inputs for one in self.manifest.layers)

    def part(self, at: int) -> str:
        """What one of the inputs is to the block that merges them, ``x: stem.output``."""
        role = self._role(at)
        known = {"identity": "x", "residual": "F(x)", "gate": "T(x)"}
        return f"{known[role]}: {self.name(at)}" if role in known else self.name(at)

    def tone(self, at: int) -> str:
        """The colour of one of the inputs, as the block that merges them has it."""
        role = self._role(at)
        return role if role in {"identity", "residual"} else ""

    def _role(self, at: int) -> str:
        block = explanations.block_with(self.manifest, self.unit.layer)
        name = self.unit.layer.inputs[at]
        if block is None or block.sum != self.unit.layer.name:
            return ""
        parts = {block.identity: "identity", block.residual: "residual", block.gate: "gate"}
        return parts.get(name, "")
