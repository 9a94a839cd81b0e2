import keras
import numpy as np
import pytest

from simgan.errors import ConfigError
from simgan.tasks.networks import network, paper_network, small_network, user_network


def test_small_network_gives_float32_vectors():
    output = small_network(35, 55, 3, 2).predict_on_batch(np.zeros((2, 35, 55, 3), np.float32))
    assert output.shape == (2, 2)
    assert output.dtype == np.float32


@pytest.mark.parametrize(
    ("size", "last_map"),
    [
        ((28, 28, 1), (48, 7, 7)),  # halved to 14 and 7
        ((35, 55, 3), (64, 5, 7)),  # 18x28, 9x14, 5x7
        ((480, 640, 3), (64, 5, 6)),  # averaged by 7 to 69x92; 35x46, 18x23, 9x12, 5x6
        ((8, 8, 1), (32, 4, 4)),
    ],
)
def test_small_network_ends_in_a_small_map_whatever_the_size(size, last_map):
    model = small_network(*size, 2)
    flat = next(layer for layer in model.layers if isinstance(layer, keras.layers.Flatten))
    assert flat.input.shape == (None, *last_map)
    assert model.count_params() < 1e6


def test_small_network_has_the_parameters_of_its_description():
    """28x28x1 by hand: 9 x 16 + 16, 9 x 16 x 32 + 32, 9 x 32 x 48 + 48, 2,352 x 128 + 128 and 128 x 2 + 2."""
    assert small_network(28, 28, 1, 2).count_params() == 160 + 4640 + 13_872 + 301_184 + 258


def test_paper_network_has_the_9600_values_of_the_paper():
    """Parameters by hand: 320 + 9,248 + 18,496 + 46,160 + 138,432, then 9,600 x 1,000 + 1,000 and 3,003."""
    model = paper_network(35, 55, 1, 3)
    flat = next(layer for layer in model.layers if isinstance(layer, keras.layers.Flatten))
    assert flat.output.shape == (None, 9600)
    assert model.count_params() == 320 + 9248 + 18496 + 46160 + 138432 + 9_601_000 + 3003


def test_paper_network_refuses_small_images(only_line):
    with pytest.raises(ConfigError) as caught:
        paper_network(17, 40, 1, 3)
    assert "17x40" in only_line(str(caught.value))


@pytest.fixture
def own(tmp_path):
    images = keras.Input((None, None, 1))
    outputs = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(3, 3)(images)))
    keras.Model(images, outputs).save(tmp_path / "own.keras")
    return tmp_path / "own.keras"


def test_own_network_starts_anew_each_time(own):
    build = network(str(own))
    first, second = (build(8, 9, 1, 2) for _ in range(2))
    assert np.abs(first.get_weights()[0] - second.get_weights()[0]).max() > 1e-3
    assert first.output_shape == (None, 2)


@pytest.mark.parametrize(("channels", "outputs"), [(3, 2), (1, 5)])
def test_own_network_that_does_not_fit_is_one_line(own, channels, outputs, only_line):
    with pytest.raises(ConfigError) as caught:
        user_network(own)(8, 9, channels, outputs)
    assert "estimator" in only_line(str(caught.value))


def test_name_that_is_neither_is_one_line(only_line):
    with pytest.raises(ConfigError) as caught:
        network("large")
    assert "small, paper or a .keras file" in only_line(str(caught.value))


def save(path, *layers):
    images = keras.Input((4, 4, 1))
    outputs = images
    for layer in layers:
        outputs = layer(outputs)
    keras.Model(images, outputs).save(path)
    return path


def test_own_network_keeps_what_a_normalization_layer_was_adapted_to(tmp_path):
    """Mean 5 and deviation 2 belong to the architecture: 9 is 2 deviations above. A model within counts as well."""
    normalization = keras.layers.Normalization(axis=None)
    normalization.adapt(np.array([3.0, 7.0]))
    within = keras.Sequential([keras.Input((4, 4, 1)), normalization])
    path = save(tmp_path / "own.keras", within, keras.layers.Flatten())
    model = user_network(path)(4, 4, 1, 16)
    np.testing.assert_allclose(model.predict_on_batch(np.full((1, 4, 4, 1), 9, np.float32)), 2.0, rtol=1e-5)


def test_frozen_layers_whose_fresh_weights_would_stay_random_are_refused(tmp_path, only_line):
    frozen = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(2, 3, name="backbone")])
    frozen.trainable = False
    path = save(tmp_path / "own.keras", frozen, keras.layers.Flatten(), keras.layers.Dense(2))
    with pytest.raises(ConfigError) as caught:
        user_network(path)
    line = only_line(str(caught.value))
    assert "backbone" in line
    assert "trainable = True" in line
