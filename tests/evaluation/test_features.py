import keras
import numpy as np
import pytest

from simgan.errors import ConfigError
from simgan.evaluation.features import discriminator_features, model_features, random_features
from simgan.models import discriminator_model

IMAGES = np.random.default_rng(0).uniform(-1, 1, (5, 35, 55, 1)).astype(np.float32)


def test_random_features_follow_from_the_seed_alone():
    first = random_features(1)(IMAGES)
    assert first.shape == (5, 2 * (32 + 64 + 128))
    keras.utils.set_random_seed(123)
    np.testing.assert_array_equal(random_features(1)(IMAGES), first)
    assert np.abs(random_features(1, seed=1)(IMAGES) - first).max() > 1e-3


def test_random_features_hardly_see_where_things_are():
    moved = np.roll(IMAGES, 8, axis=2)
    features = random_features(1)
    between = np.abs(features(IMAGES) - features(moved)).mean()
    assert between < 0.3 * np.abs(features(IMAGES) - features(0.3 * IMAGES)).mean()


def test_features_of_d_are_the_means_and_deviations_before_its_logits():
    disc = discriminator_model(55, 35, 1)
    maps = keras.Model(disc.inputs[0], disc.get_layer("conv5").output)(IMAGES)
    expected = np.concatenate([maps.numpy(force=True).mean(axis=(1, 2)), maps.numpy(force=True).std(axis=(1, 2))], 1)
    np.testing.assert_allclose(discriminator_features(disc)(IMAGES), expected, atol=1e-5)


def test_d_looks_at_the_middle_of_larger_images():
    disc = discriminator_model(51, 31, 1)
    np.testing.assert_array_equal(
        discriminator_features(disc)(IMAGES), discriminator_features(disc)(IMAGES[:, 2:33, 2:53])
    )


def test_own_network_sees_images_at_its_size_and_in_its_colours(tmp_path):
    inputs = keras.Input((8, 10, 3))
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(tmp_path / "net.keras")
    features = model_features(tmp_path / "net.keras")(np.full((2, 35, 55, 1), 0.25, np.float32))
    np.testing.assert_allclose(features, np.full((2, 3), 0.25), atol=1e-6)


@pytest.mark.parametrize(
    ("channels", "expected"),
    [(3, (0.3, 0.6, -0.3)), (1, (0.2,))],  # 0.2: the mean of the three
)
def test_own_network_sees_colours_as_they_are_or_their_mean(channels, expected, tmp_path):
    inputs = keras.Input((8, 10, channels))
    keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(tmp_path / "net.keras")
    images = np.broadcast_to(np.array([0.3, 0.6, -0.3], np.float32), (2, 35, 55, 3))
    np.testing.assert_allclose(model_features(tmp_path / "net.keras")(images), [expected] * 2, atol=1e-6)


@pytest.mark.parametrize("kind", ["missing", "no model", "no fixed size"])
def test_what_is_no_feature_network_is_one_line(kind, tmp_path, only_line):
    path = tmp_path / "net.keras"
    if kind == "no model":
        path.write_bytes(b"nothing")
    if kind == "no fixed size":
        inputs = keras.Input((None, None, 3))
        keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)).save(path)
    with pytest.raises(ConfigError) as caught:
        model_features(path)
    assert "features" in only_line(str(caught.value))
