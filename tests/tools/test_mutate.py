"""The table of `make mutate` names files that exist, and scores are counted right. mutmut itself is not run here."""

from __future__ import annotations

import tomllib

import pytest

from tools.mutate import LEFT_OUT, PACKAGE, ROOT, TESTED_BY, TESTS, read_statuses, row, settings


@pytest.mark.parametrize(("module", "tests"), TESTED_BY.items(), ids=TESTED_BY)
def test_module_and_tests_exist(module, tests):
    assert (ROOT / PACKAGE / f"{module}.py").is_file()
    for name in tests:
        assert (ROOT / TESTS / name).is_file()


@pytest.mark.parametrize(("module", "names"), LEFT_OUT.items(), ids=LEFT_OUT)
def test_slow_tests_that_are_left_out_exist(module, names):
    text = (ROOT / TESTS / TESTED_BY[module][0]).read_text("utf-8")
    assert [name for name in names if f"def {name}(" not in text] == []


def test_every_module_of_evaluation_is_in_the_table():
    modules = {f"evaluation/{path.stem}" for path in (ROOT / PACKAGE / "evaluation").glob("*.py")}
    assert modules - {"evaluation/__init__"} <= TESTED_BY.keys()


def test_settings_are_those_of_one_module_and_its_tests():
    read = tomllib.loads(settings("evaluation/kid"))["tool"]["mutmut"]
    assert read["only_mutate"] == ["src/simgan/evaluation/kid.py"]
    assert read["pytest_add_cli_args_test_selection"] == ["tests/evaluation/test_kid.py"]
    assert read["pytest_add_cli_args"] == []
    assert tomllib.loads(settings("evaluation/drift"))["tool"]["mutmut"]["pytest_add_cli_args"] == [
        "--deselect=tests/evaluation/test_drift.py::test_drift_of_squares_is_what_they_were_moved"
    ]


def test_score_counts_what_no_test_runs_as_not_noticed():
    statuses = read_statuses(
        "    simgan.kid.x_kid__mutmut_1: killed\n"
        "    simgan.kid.x_kid__mutmut_2: survived\n"
        "    simgan.kid.x_kid__mutmut_3: no tests\n"
        "    simgan.kid.x_kid__mutmut_4: timeout\n"
        "    simgan.kid.x_kid__mutmut_5: suspicious\n"
    )
    assert len(statuses) == 5
    assert row("kid", statuses.values()).split() == ["kid", "5", "2", "2", "1", "40%"]
    assert row("none", []).split() == ["none", "0", "0", "0", "0", "-"]
