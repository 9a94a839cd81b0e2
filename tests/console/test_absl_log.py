from __future__ import annotations

import logging

import pytest

from simgan.console.absl_log import no_absl_warnings


def test_warnings_are_silenced_within_and_heard_after(caplog):
    logger = logging.getLogger("absl")
    level = logger.level

    def fail() -> None:
        with no_absl_warnings():
            logger.warning("within")
            logger.error("an error")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert logger.level == level
    logger.warning("after")
    assert [record.message for record in caplog.records] == ["an error", "after"]
