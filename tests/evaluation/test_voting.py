import keras
import numpy as np
import pytest

from simgan.evaluation.voting import voting_network


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
