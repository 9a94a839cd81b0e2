import numpy as np
import pytest

from benchmarks.lenet import lenet

# Weights and biases of C5-20, C5-50, FC-500 on the 50 maps of 4x4 that 28x28 leaves, FC-10.
_AFTER_THE_FIRST = (50 * 20 * 25 + 50) + (500 * 50 * 4 * 4 + 500) + (10 * 500 + 10)


@pytest.mark.parametrize(("channels", "first"), [(1, 20 * 25 + 20), (3, 20 * 3 * 25 + 20)])
def test_lenet_has_the_parameters_of_the_published_one(channels, first):
    model = lenet(28, 28, channels, 10)
    assert model.count_params() == first + _AFTER_THE_FIRST
    assert model(np.zeros((2, 28, 28, channels), np.float32)).shape == (2, 10)


def test_dropout_is_active_in_training_alone():
    model = lenet(28, 28, 1, 10)
    images = np.random.default_rng(0).uniform(-1, 1, (4, 28, 28, 1)).astype(np.float32)

    def twice(*, training):
        one, other = (model(images, training=training).detach().cpu().numpy() for _ in range(2))
        return one, other

    np.testing.assert_array_equal(*twice(training=False))
    assert not np.array_equal(*twice(training=True))
