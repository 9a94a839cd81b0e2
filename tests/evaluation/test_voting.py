import keras
import numpy as np
import pytest

from simgan.evaluation.voting import _votes, voting_network


@pytest.mark.parametrize(("height", "width", "channels"), [(16, 16, 1), (35, 55, 3), (17, 120, 2), (256, 200, 1)])
def test_network_reads_points_at_any_size(height, width, channels):
    images = np.random.default_rng(0).uniform(-1, 1, (2, height, width, channels)).astype(np.float32)
    output = voting_network(height, width, channels, 6).predict_on_batch(images)
    assert output.shape == (2, 6)
    assert output.dtype == np.float32


@pytest.mark.parametrize(
    ("height", "width", "middle"),
    [
        (40, 56, (26, 18)),  # map of 10 x 14 places, 4 px apart from 0 on: to 36 and to 52
        (128, 128, (60.5, 60.5)),  # averaged down by 2: 16 x 16 places, 8 px apart from 0.5 on: to 120.5
    ],
)
def test_attention_alike_everywhere_reads_the_middle_of_the_map(height, width, middle):
    model = voting_network(height, width, 1, 4)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.zeros_like(weight) for weight in layer.get_weights()])
    read = model.predict_on_batch(np.ones((1, height, width, 1), np.float32))
    np.testing.assert_allclose(read, [[*middle, *middle]], rtol=1e-5)


def test_layers_have_the_sizes_that_are_said():
    """C3-24, C3-32, C3-48 twice, C3-64 twice, C1-48, C3-48, scores of one point and corrections of x and y."""
    kernels = [(3, 1, 24), (3, 24, 32), (3, 32, 48), (3, 48, 48), (3, 48, 64), (3, 64, 64), (1, 64, 48), (3, 48, 48)]
    votes = (48 + 1) + (2 * 48 + 2)
    expected = sum(side**2 * before * after + after for side, before, after in kernels) + votes
    model = voting_network(16, 16, 1, 2)
    assert model.count_params() == expected == 130_531
    kinds = (keras.layers.MaxPooling2D, keras.layers.UpSampling2D)
    maps = [layer.output.shape[2:] for layer in model.layers if isinstance(layer, kinds)]
    assert maps == [(4, 4), (2, 2), (4, 4)]


def test_a_vote_is_the_place_of_its_cell_and_a_correction_of_half_a_cell():
    """2 x 3 cells, 8 px apart from 0.5 on; one of them has the score 1, all corrections are (1, -2)."""
    features = keras.Input((1, 2, 3))
    model = keras.Model(features, _votes(features, 2, 2))
    scores, corrections = (layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D))
    scores.set_weights([np.ones((1, 1, 1, 1)), np.zeros(1)])
    corrections.set_weights([np.zeros((1, 1, 1, 2)), np.array([1.0, -2.0])])
    values = np.zeros((1, 1, 2, 3), np.float32)
    values[0, 0, 1, 2] = 1
    sharp = np.exp(4)
    x = (2 * (0.5 + 8.5 + 16.5) - 16.5 + sharp * 16.5) / (5 + sharp) + 4
    y = (3 * 0.5 + 2 * 8.5 + sharp * 8.5) / (5 + sharp) - 8
    np.testing.assert_allclose(model.predict_on_batch(values), [[x, y]], rtol=1e-5)
