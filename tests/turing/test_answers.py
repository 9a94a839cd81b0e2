from __future__ import annotations

import json
import os
import signal

import pytest

from simgan.errors import RunError
from simgan.turing import read_turing
from simgan.turing.answers import AnswerFile, unfinished
from tests.processes import CONTEXT


def test_answers_are_in_the_file_before_it_is_closed(tmp_path, plan):
    file = AnswerFile.create(tmp_path, plan)
    file.append("real")
    file.append("refined")
    lines = (tmp_path / "turing" / "0001.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines[1:]] == [
        {"trial": 0, "answer": "real"},
        {"trial": 1, "answer": "refined"},
    ]
    file.close()


def test_test_goes_on_after_the_last_answer(tmp_path, plan):
    file = AnswerFile.create(tmp_path, plan)
    file.append("refined")
    file.close()
    again = unfinished(tmp_path, "blind", 4)
    assert again.answers == ("refined",)
    for _ in range(3):
        again.append("real")
    assert again.finished
    again.close()
    assert unfinished(tmp_path, "blind", 4) is None


def _answer_and_die(folder, plan):
    file = AnswerFile.create(folder, plan)
    file.append("real")
    os.kill(os.getpid(), signal.SIGKILL)


def test_killed_process_loses_nothing(tmp_path, plan):
    child = CONTEXT.Process(target=_answer_and_die, args=(tmp_path, plan))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    file = unfinished(tmp_path, "blind", 4)
    assert file.answers == ("real",)
    file.close()


def test_half_a_line_was_not_an_answer(tmp_path, plan):
    AnswerFile.create(tmp_path, plan).close()
    path = tmp_path / "turing" / "0001.jsonl"
    with path.open("ab") as file:
        file.write(b'{"trial": 0, "answer": "real"}\n{"trial": 1, "ans')
    again = AnswerFile(path)
    again.append("refined")
    again.close()
    lines = path.read_text("utf-8").splitlines()
    assert [json.loads(line)["answer"] for line in lines[1:]] == ["real", "refined"]


def test_another_form_or_length_is_another_test(tmp_path, plan):
    AnswerFile.create(tmp_path, plan).close()
    assert unfinished(tmp_path, "sheets", 4) is None
    assert unfinished(tmp_path, "blind", 6) is None


def test_test_that_is_being_taken_is_left_alone(tmp_path, plan):
    file = AnswerFile.create(tmp_path, plan)
    assert unfinished(tmp_path, "blind", 4) is None
    with pytest.raises(RunError, match="end the other server"):
        AnswerFile(file.path)
    file.close()


def test_results_of_all_tests_that_were_begun(tmp_path, plan):
    for answers in (["real"] * 4, [], ["refined"]):
        file = AnswerFile.create(tmp_path, plan)
        for answer in answers:
            file.append(answer)
        file.close()
    first, second = read_turing(tmp_path)
    assert (first.test, first.correct, first.finished) == ("0001", 2, True)
    assert (second.test, second.correct, second.finished) == ("0003", 0, False)


def test_run_without_tests_has_no_results(tmp_path):
    assert read_turing(tmp_path) == ()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{}\n",
        b"\xff\n",
        b'PLAN{"trial": 1, "answer": "real"}\n',
        b'PLAN{"trial": 0, "answer": "x"}\n',
        b"PLAN[]\n",
    ],
)
def test_other_files_are_one_line(damage, tmp_path, plan, only_line):
    (tmp_path / "turing").mkdir()
    path = tmp_path / "turing" / "0001.jsonl"
    path.write_bytes(damage.replace(b"PLAN", plan.model_dump_json().encode() + b"\n"))
    with pytest.raises(RunError) as caught:
        read_turing(tmp_path)
    assert str(path) in only_line(str(caught.value))


def test_more_answers_than_trials_are_refused(tmp_path, plan):
    file = AnswerFile.create(tmp_path, plan)
    for _ in range(5):
        file.append("real")
    file.close()
    with pytest.raises(RunError, match="5 answers to 4 trials"):
        read_turing(tmp_path)
