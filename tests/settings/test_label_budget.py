from __future__ import annotations

import pytest

from simgan.errors import ConfigError
from simgan.settings.config import TrainConfig
from simgan.settings.label_budget import LabelBudget, parse_label_budget


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("digit:1%", LabelBudget("digit", 1.0, "%")),
        ("gaze:0.5deg", LabelBudget("gaze", 0.5, "deg")),
        ("eye/centre:0.25px", LabelBudget("eye/centre", 0.25, "px")),
        ("a:b:2", LabelBudget("a:b", 2.0, "")),
        ("speed:0.00005", LabelBudget("speed", 5e-5, "")),
        ("speed:2e+6", LabelBudget("speed", 2e6, "")),
    ],
)
def test_budgets_are_read(text, expected):
    assert parse_label_budget(text) == expected
    assert parse_label_budget(str(expected)) == expected


@pytest.mark.parametrize("text", ["digit", "digit:", ":1%", "digit:0%", "digit:-1%", "digit:1mm", "digit:nan%", ""])
def test_what_is_no_budget_is_refused(text):
    with pytest.raises(ValueError, match="NAME:BUDGET"):
        parse_label_budget(text)


def test_settings_check_their_budgets():
    assert TrainConfig(keep_label=("digit:1.0%",)) == TrainConfig(keep_label=("digit:1%",))
    assert TrainConfig(keep_label=("none",)).keep_label == ()
    assert TrainConfig(keep_label=("auto",)).keep_label == ("auto",)
    with pytest.raises(ConfigError, match="keep_label: expected NAME:BUDGET"):
        TrainConfig(keep_label=("auto", "digit:1%"))
    with pytest.raises(ConfigError, match="keep_label: expected each label once"):
        TrainConfig(keep_label=("digit:1%", "digit:2%"))
