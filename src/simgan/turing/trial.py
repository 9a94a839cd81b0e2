"""What a test shows, and in which order: drawn once, and kept as the first line of its file."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from simgan.errors import ConfigError, DataError

Kind = Literal["real", "refined"]
Form = Literal["blind", "sheets"]
SHEET = 50  # labelled images of each kind


class Trial(NamedTuple):
    """One image to judge: image `place` of the real set, or that of the synthetic set refined."""

    kind: Kind
    place: int


class Plan(BaseModel):
    """A test before anyone sat down to it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    date: str
    """ISO 8601, UTC."""
    form: Form
    """`blind`: trials alone. `sheets`: labelled images first."""
    seed: int
    synthetic_count: int
    """Images in the set drawn from, as is `real_count`."""
    real_count: int
    trials: tuple[Trial, ...]
    sheet_real: tuple[int, ...] = ()
    """Images of the real set on the labelled sheet; none of them is in a trial."""
    sheet_refined: tuple[int, ...] = ()
    """The same of the synthetic set."""


def check_trials(trials: int) -> None:
    """ConfigError unless half of the trials can be real and half refined."""
    if trials < 2 or trials % 2:
        raise ConfigError(f"trials: expected an even number from 2, received {trials}; try --trials 100.")


def draw_plan(*, synthetic_count: int, real_count: int, trials: int, form: Form, seed: int, date: str) -> Plan:
    """Draws a test: half real, half refined, no image twice, in an order that follows from `seed`.

    Raises:
        ConfigError: `trials` is not a positive even number.
        DataError: a set has too few images.
    """
    check_trials(trials)
    half, sheet = trials // 2, SHEET if form == "sheets" else 0
    for name, count in (("synthetic", synthetic_count), ("real", real_count)):
        if count < half + sheet:
            raise DataError(
                f"{name}: expected at least {half + sheet} images for {trials} trials"
                f"{f' and a sheet of {sheet}' if sheet else ''}, received {count}; give fewer --trials or more images."
            )
    random = np.random.default_rng(seed)
    real = random.permutation(real_count)[: half + sheet].tolist()
    refined = random.permutation(synthetic_count)[: half + sheet].tolist()
    shown = [Trial("real", index) for index in real[sheet:]] + [Trial("refined", index) for index in refined[sheet:]]
    return Plan(
        date=date,
        form=form,
        seed=seed,
        synthetic_count=synthetic_count,
        real_count=real_count,
        trials=tuple(shown[place] for place in random.permutation(trials)),
        sheet_real=tuple(real[:sheet]),
        sheet_refined=tuple(refined[:sheet]),
    )
