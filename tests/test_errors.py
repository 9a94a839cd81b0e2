from __future__ import annotations

import pytest

from simgan.errors import ConfigError, DataError, EngineError, HealthError, RunError, SimGANError


@pytest.mark.parametrize(
    ("error", "builtin"),
    [(DataError, ValueError), (RunError, RuntimeError), (EngineError, RuntimeError)],
)
def test_each_error_is_caught_as_ours_and_as_the_builtin(error, builtin):
    for caught in (SimGANError, builtin):
        with pytest.raises(caught, match="a message"):
            raise error("a message")


def test_config_error_is_no_value_error():
    """pydantic and the command line's parser put a ValueError into their own words."""
    assert issubclass(ConfigError, SimGANError)
    assert not issubclass(ConfigError, ValueError)


def test_a_name_from_a_file_cannot_reach_the_terminal_as_it_is():
    assert str(DataError("image 'a\n\x1b[31m\u202eb'")) == "image 'a\\n\\x1b[31m\\u202eb'"


def test_a_long_message_keeps_its_beginning_and_its_end():
    shown = str(DataError("begin" + "x" * 5000 + "end"))
    assert len(shown) <= 600
    assert shown.startswith("begin")
    assert shown.endswith("end")


@pytest.mark.parametrize("error", [ConfigError, RunError, HealthError, EngineError])
def test_no_message_has_a_second_line_or_reaches_the_terminal_as_it_is(error):
    assert str(error("a\n\x1b[31mb" + "x" * 5000)) == "a\\n\\x1b[31mb" + "x" * 5000
