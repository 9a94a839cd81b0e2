import numpy as np

from benchmarks.proof_signs import draw_signs


def test_signs_are_coloured_digits_and_a_seed_repeats_them():
    images, digits = draw_signs(40, 3, photographed=False)
    again, same = draw_signs(40, 3, photographed=False)
    assert images.shape == (40, 32, 32, 3)
    assert images.dtype == np.uint8
    assert set(digits) <= set(range(10))
    np.testing.assert_array_equal(images, again)
    np.testing.assert_array_equal(digits, same)


def test_clean_signs_have_two_colours_and_photographs_have_many():
    clean, photographed = (draw_signs(20, 3, photographed=is_so)[0] for is_so in (False, True))
    of_clean, of_photographed = (
        np.mean([len(np.unique(image.reshape(-1, 3), axis=0)) for image in images]) for images in (clean, photographed)
    )
    assert of_clean < 0.35 * 32 * 32  # ground, ink, and what lies between at the edges
    assert of_photographed > 0.8 * 32 * 32
