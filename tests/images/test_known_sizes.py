import numpy as np

from simgan.images.known_sizes import KnownSizes


def test_only_what_was_read_is_known():
    sizes = KnownSizes(3)
    image = np.zeros((2, 70_000, 3), np.uint8)
    assert sizes.note(1, image) is image
    assert [sizes.of(index) for index in range(3)] == [None, (2, 70_000), None]
