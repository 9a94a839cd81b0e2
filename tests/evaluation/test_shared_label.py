"""The label of synthetic and of labelled real images. What the command says of it is tested in test_evaluate.py."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from simgan.errors import DataError
from simgan.evaluation.refined_sample import Sample
from simgan.evaluation.shared_label import read_label, shared_label
from simgan.images import open_images

COUNT = 6
SAMPLE = Sample([1, 3], ["1", "3"], *np.zeros((2, 2, 8, 9, 1), np.float32), resized=False)


@pytest.fixture
def opened(tmp_path):
    """Opens synthetic and real images of 8x9 with these labels."""

    @contextmanager
    def open_both(synthetic, real, size=(8, 9)):
        for name, labels, of_size in (("synthetic", synthetic, (8, 9)), ("real", real, size)):
            np.savez(tmp_path / f"{name}.npz", image=np.zeros((COUNT, *of_size), np.uint8), **labels)
        with (
            open_images(tmp_path / "synthetic.npz", key="image") as source,
            open_images(tmp_path / "real.npz", key="image") as test,
        ):
            yield source, test

    return open_both


DEPTH, DIGIT = np.arange(COUNT) / 10, np.arange(COUNT) % 3


def test_the_only_shared_label_or_the_wanted_one(opened):
    with opened({"depth": DEPTH, "digit": DIGIT}, {"depth": DEPTH, "other": DIGIT}) as sets:
        assert shared_label(*sets, None) == "depth"
    with opened({"depth": DEPTH, "digit": DIGIT}, {"depth": DEPTH, "digit": DIGIT}) as sets:
        assert shared_label(*sets, "digit") == "digit"


@pytest.mark.parametrize(("wanted", "received"), [(None, "2 such labels"), ("other", "'other'")])
def test_a_choice_that_is_not_clear_names_the_labels(wanted, received, opened, only_line):
    with (
        opened({"depth": DEPTH, "digit": DIGIT}, {"depth": DEPTH, "digit": DIGIT, "other": DIGIT}) as sets,
        pytest.raises(DataError) as caught,
    ):
        shared_label(*sets, wanted)
    line = only_line(str(caught.value))
    assert f"received {received}; choose with --label one of: depth, digit " in line


def test_labels_of_the_sample_and_of_all_real_images(opened):
    with opened({"depth": DEPTH}, {"depth": DEPTH + 1}) as (source, test):
        task, labels, tested = read_label(source, test, SAMPLE, "depth", None)
    assert task.name == "vector"
    np.testing.assert_array_equal(labels, DEPTH[[1, 3]])
    np.testing.assert_array_equal(tested, DEPTH + 1)


@pytest.mark.parametrize("words_in", ["synthetic", "real"])
def test_classes_that_are_words_in_one_set_alone_are_refused(words_in, opened, only_line):
    """1 and "1" are two classes, and every image would be wrong."""
    labels = {name: {"digit": DIGIT.astype(str) if name == words_in else DIGIT} for name in ("synthetic", "real")}
    with opened(**labels) as (source, test), pytest.raises(DataError) as caught:
        read_label(source, test, SAMPLE, "digit", None)
    expected = "words" if words_in == "synthetic" else "numbers"
    assert f"expected the classes 'digit' to be {expected}" in only_line(str(caught.value))


def test_labels_of_another_shape_are_refused(opened, only_line):
    with (
        opened({"depth": DEPTH}, {"depth": np.stack([DEPTH, DEPTH], axis=1)}) as (source, test),
        pytest.raises(DataError) as caught,
    ):
        read_label(source, test, SAMPLE, "depth", None)
    assert "shape () for each image" in only_line(str(caught.value))


def test_points_in_images_of_another_size_are_refused(opened, only_line):
    points = np.tile([[3.0, 5.0]], (COUNT, 1))
    with opened({"iris": points}, {"iris": points}, size=(16, 18)) as (source, test):
        with pytest.raises(DataError) as caught:
            read_label(source, test, SAMPLE, "iris", None)
        task, _, _ = read_label(source, test, SAMPLE, "iris", "vector")
    assert "expected images of 8x9" in only_line(str(caught.value))
    assert task.name == "vector"


@pytest.mark.parametrize("label", ["gaze", "depth", "row"])
def test_a_label_that_framing_makes_wrong_is_refused(label, opened, message):
    """Framing slants and moves content: classes stay true, directions, sizes and positions do not."""
    labels = {"gaze": np.tile([[0.1, 0.2]], (COUNT, 1)), "depth": DEPTH, "row": DIGIT, "digit": DIGIT}
    framed = replace(SAMPLE, framed=True)
    with opened(labels, labels) as sets:
        assert read_label(*sets, SAMPLE, label, None)
        assert read_label(*sets, framed, "digit", None).task.name == "classification"
        with pytest.raises(DataError) as caught:
            read_label(*sets, framed, label, None)
    assert repr(label) in message(caught.value)
    assert "--framing keep" in str(caught.value)


@pytest.mark.parametrize("spoilt", ["synthetic", "real"])
def test_a_label_with_missing_numbers_is_refused(spoilt, tmp_path, only_line):
    paths = {}
    for name in ("synthetic", "real"):
        gaze = np.zeros((6, 2), np.float32)
        if name == spoilt:
            gaze[[1, 4], 1] = np.nan
        paths[name] = tmp_path / f"{name}.npz"
        np.savez(paths[name], image=np.full((6, 8, 8), 7, np.uint8), gaze=gaze)
    pixels = np.zeros((6, 8, 8, 1), np.float32)
    with open_images(paths["synthetic"]) as source, open_images(paths["real"]) as test:
        sample = Sample(list(range(6)), list(source.names), pixels, pixels, resized=False)
        with pytest.raises(DataError) as caught:
            read_label(source, test, sample, "gaze", None)
    line = only_line(str(caught.value))
    assert "2 of 6 images" in line
    assert str(paths[spoilt]) in line
