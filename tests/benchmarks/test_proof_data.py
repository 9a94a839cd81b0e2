import numpy as np

from benchmarks.proof_data import _enlarged, _printed


def test_printed_digits_are_of_all_classes_and_fill_the_image():
    images, labels = _printed(60)
    assert images.shape == (60, 32, 32, 1)
    assert set(labels) == set(range(10))
    assert ((images > 100).any(axis=(2, 3)).sum(axis=1) > 20).mean() > 0.9  # rows with ink


def test_enlarging_keeps_the_middle():
    image = np.zeros((35, 55), np.uint8)
    image[14:21, 22:33] = 255  # 7x11, a fifth of each side
    large = _enlarged(image, 1.4)
    rows, columns = np.nonzero(large > 127)
    assert (rows.mean(), columns.mean()) == (17, 27)
    assert np.ptp(rows) + 1 in (9, 10, 11)
