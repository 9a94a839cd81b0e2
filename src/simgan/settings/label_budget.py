"""What `--keep-label NAME:BUDGET` asks for: a label that refining must keep, and how much of it may be lost."""

import math
import re
from typing import Literal, NamedTuple

Unit = Literal["%", "deg", "px", ""]

_FORM = re.compile(r"(?P<name>.+):(?P<amount>\d+(\.\d+)?(e[+-]?\d+)?)(?P<unit>%|deg|px|)")


class LabelBudget(NamedTuple):
    """A label that refining must keep."""

    name: str
    amount: float
    """Above 0, in `unit`."""
    unit: Unit
    """`%`: share of images whose class changes. `deg`: mean angle between directions. `px`: mean distance of points,
    or for masks and boxes mean displacement of content. Empty: mean difference, in units of the label."""

    @property
    def allowed(self) -> float:
        """How much may be lost: for classes a share from 0 to 1, for other labels `amount`."""
        return self.amount / 100 if self.unit == "%" else self.amount

    def __str__(self) -> str:
        """The form that `parse_label_budget` reads."""
        return f"{self.name}:{repr(self.amount).removesuffix('.0')}{self.unit}"


def parse_label_budget(text: str) -> LabelBudget:
    """Reads NAME:BUDGET, such as digit:0.5%, gaze:1deg, iris_centre:0.25px or speed:0.1.

    Raises:
        ValueError: `text` has another form, or the budget is 0.
    """
    found = _FORM.fullmatch(text)
    if found is None or not 0 < float(found["amount"]) < math.inf:
        raise ValueError(
            f"expected NAME:BUDGET with a budget above 0, such as class:1%, gaze:1deg, centre:0.25px or speed:0.1, "
            f"received {text!r}"
        )
    return LabelBudget(found["name"], float(found["amount"]), found["unit"])  # type: ignore[arg-type]
