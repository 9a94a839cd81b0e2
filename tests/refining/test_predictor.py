from __future__ import annotations

import keras
import numpy as np
import pytest

from simgan.refining import predictor as module
from simgan.refining.predictor import predictor


@pytest.fixture
def doubled():
    """x~ = 2 x, and the shapes of its calls."""
    images = keras.Input((None, None, 1))
    model, shapes = keras.Model(images, keras.layers.Rescaling(2.0)(images)), []
    own = model.predict_on_batch
    model.predict_on_batch = lambda batch: shapes.append(batch.shape) or own(batch)
    return model, shapes


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((64, 35, 55, 1), [64]),
        ((5, 512, 512, 1), [1, 1, 1, 1, 1]),
        ((5, 256, 512, 1), [2, 2, 1]),
        ((2, 1000, 1000, 1), [1] * 8),  # each in four tiles
        ((0, 4, 5, 1), [0]),
    ],
)
def test_large_images_go_through_a_model_few_at_a_time(shape, expected, doubled):
    """2**18 pixels at once, or one image."""
    model, shapes = doubled
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    refined = predictor(model, np.dtype("float32"), shape, one_size=True)(images)
    np.testing.assert_array_equal(refined, 2 * images)
    assert [shape[0] for shape in shapes] == expected


@pytest.mark.parametrize("one_size", [True, False])
def test_the_fast_form_takes_as_many_images_as_fit_their_own_size(one_size, finished_run, monkeypatch):
    """The device has room for 4,000 pixels; the first image says nothing of the size of others."""
    seen, own = [], module.open_engine

    def open_engine(**options):
        engine = own(**options)
        infer = engine.infer

        def noted(network, images):
            return infer(lambda piece: seen.append(len(piece)) or network(piece), images)

        engine.infer = noted
        return engine

    monkeypatch.setattr(module, "open_engine", open_engine)
    monkeypatch.setattr(module, "images_at_once", lambda settings, size, precision: 4000 // (size[0] * size[1]))
    predict = predictor(finished_run, np.dtype("uint8"), (100, 8, 10, 1), one_size=one_size)
    for shape in ((64, 8, 10, 1), (64, 5, 5, 1), (3, 30, 40, 1), (2, 100, 100, 1)):
        images = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
        seen.clear()
        refined = predict(images)
        assert refined.shape == shape
        expected = finished_run.refiner.predict_on_batch(images)
        assert np.abs(refined - expected).mean() < 0.01
        assert max(seen) <= max(1, 4000 // (shape[1] * shape[2]))
        assert sum(seen) == shape[0]
        assert len(seen) <= {8: 2, 5: 2, 30: 1, 100: 2}[shape[1]]
