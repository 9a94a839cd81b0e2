from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from benchmarks import benchmarks_domains
from benchmarks.benchmarks_digits import mnist
from benchmarks.benchmarks_domains import DOMAINS, make_data
from benchmarks.proof_data import camera
from simgan.settings.config import make_config

FILES = ("synthetic", "real", "real_labels", "test")


@pytest.fixture
def make(tmp_path, mnist_file, usps_file, monkeypatch):
    """Makes a domain of small files, and reads what was written: arrays by file and key."""
    photographs = [np.full((40, 70, 3), (200, 100, 50), np.uint8)]
    photographs[0][:, 35:] = (20, 150, 220)
    monkeypatch.setattr(benchmarks_domains, "mnist", partial(mnist, mnist_file))
    monkeypatch.setattr(benchmarks_domains, "packaged_photographs", lambda: photographs)

    def made(domain: str, images: int | None) -> dict[str, dict[str, np.ndarray]]:
        folder = tmp_path / "data" / f"{domain}-{images}"
        make_data(domain, folder, usps_file, images)
        assert sorted(path.name for path in folder.iterdir()) == sorted(f"{file}.npz" for file in FILES)
        return {file: dict(np.load(folder / f"{file}.npz")) for file in FILES}

    return made


@pytest.mark.parametrize("domain", DOMAINS)
def test_each_domain_has_labelled_sets_of_one_form_and_real_images_without_labels(make, domain):
    found = make(domain, 8)
    label = DOMAINS[domain].label
    shape = found["synthetic"]["image"].shape
    assert found["synthetic"]["image"].dtype == np.uint8
    assert list(found["real"]) == ["image"]
    for file in ("real", "test"):
        assert found[file]["image"].shape == shape
    for file in ("synthetic", "real_labels", "test"):
        assert len(found[file][label]) == shape[0] == 8
    if DOMAINS[domain].points is not None:
        assert found["synthetic"][DOMAINS[domain].points].shape == (8, 2)


@pytest.mark.parametrize(("domain", "counts"), [("mnist-usps", (40, 24, 12)), ("usps-mnist", (24, 40, 20))])
def test_digits_are_trained_on_with_all_training_images_and_tested_with_the_targets_test_images(make, domain, counts):
    found = make(domain, None)
    assert tuple(len(found[file]["image"]) for file in ("synthetic", "real", "test")) == counts
    assert len(found["real_labels"]["digit"]) == counts[1]


def test_blended_digits_keep_their_classes_and_tests_have_crops_of_their_own(make):
    found = make("mnist-mnistm", None)
    grey = found["synthetic"]["image"]
    assert grey.shape == (40, 28, 28, 3)
    np.testing.assert_array_equal(grey[..., 0], grey[..., 2])
    # Image i of MNIST is here of the one level i (30 and more: i - 30), and its class is i % 10.
    levels = 200 - found["real"]["image"][:, 0, 0, 0].astype(int)
    np.testing.assert_array_equal(levels % 10, found["real_labels"]["digit"])
    assert sorted(levels) == sorted([*range(30), *range(10)])
    assert levels.tolist() != found["synthetic"]["image"][:, 0, 0, 0].tolist()
    np.testing.assert_array_equal(found["test"]["image"][:, 0, 0, 2], 220 - np.arange(20))  # of the right half


def test_data_that_are_there_are_not_made_again(make, monkeypatch):
    first = make("signs", 4)
    monkeypatch.setattr(benchmarks_domains, "signs", lambda counts: 1 / 0)
    np.testing.assert_array_equal(make("signs", 4)["test"]["image"], first["test"]["image"])


def test_camera_has_the_first_images_of_the_proof():
    few, more = camera((2, 3, 2)), camera((4, 4, 4))
    assert [len(few[file]["image"]) for file in ("synthetic", "real", "test")] == [2, 3, 2]
    for file, arrays in few.items():
        for key, array in arrays.items():
            np.testing.assert_array_equal(array, more[file][key][: len(array)])


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_domain_can_be_configured(domain):
    from simgan import PRESETS

    config = make_config(DOMAINS[domain].settings, PRESETS["default"].config)
    assert config.flip == (DOMAINS[domain].label != "digit")  # a mirrored digit is none
