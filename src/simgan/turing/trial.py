"""The plan of a test: its images and their order, drawn once and kept as the first line of its file."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from simgan.errors import ConfigError, DataError

Kind = Literal["real", "refined"]
Form = Literal["blind", "sheets"]
EXAMPLES = 50  # labelled examples of each kind


class Trial(NamedTuple):
    """One image to judge: image `place` of the real set, or image `place` of the synthetic set, refined."""

    kind: Kind
    place: int


class Plan(BaseModel):
    """What a test shows, as it was drawn before the first answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    date: str
    """ISO 8601, UTC."""
    form: Form
    """`blind`: trials only. `sheets`: labelled examples are shown first."""
    seed: int
    synthetic_count: int
    """Number of images in the synthetic set that the test was drawn from."""
    real_count: int
    """Number of images in the real set that the test was drawn from."""
    trials: tuple[Trial, ...]
    sheet_real: tuple[int, ...] = ()
    """Images of the real set that are shown as labelled examples; none of them is in a trial."""
    sheet_refined: tuple[int, ...] = ()
    """Images of the synthetic set that are shown, refined, as labelled examples; none of them is in a trial."""


def check_trials(trials: int) -> None:
    """Raises ConfigError unless half of the trials can be real and half refined."""
    if trials < 2 or trials % 2:
        raise ConfigError(f"trials: expected an even number from 2, received {trials}; try --trials 100.")


def draw_plan(*, synthetic_count: int, real_count: int, trials: int, form: Form, seed: int, date: str) -> Plan:
    """Draws a test: half real, half refined, no image twice, in an order that follows from `seed`.

    Raises:
        ConfigError: `trials` is not a positive even number.
        DataError: a set has too few images.
    """
    check_trials(trials)
    half, examples = trials // 2, EXAMPLES if form == "sheets" else 0
    for name, count in (("synthetic", synthetic_count), ("real", real_count)):
        if count < half + examples:
            labelled = f" and {examples} labelled examples" if examples else ""
            raise DataError(
                f"{name}: expected at least {half + examples} images for {trials} trials{labelled}, received {count}; "
                "give fewer --trials or more images."
            )
    random = np.random.default_rng(seed)
    real = random.permutation(real_count)[: half + examples].tolist()
    refined = random.permutation(synthetic_count)[: half + examples].tolist()
    shown = [Trial("real", index) for index in real[examples:]] + [
        Trial("refined", index) for index in refined[examples:]
    ]
    return Plan(
        date=date,
        form=form,
        seed=seed,
        synthetic_count=synthetic_count,
        real_count=real_count,
        trials=tuple(shown[place] for place in random.permutation(trials)),
        sheet_real=tuple(real[:examples]),
        sheet_refined=tuple(refined[:examples]),
    )
