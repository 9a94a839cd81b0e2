"""Training matches the framing if all labels are classes; refining a run uses the same map."""

from __future__ import annotations

import io
import itertools
import json

import h5py
import numpy as np
import pytest
import torch
from rich.console import Console

import simgan
from simgan.command_line.main import main
from simgan.errors import ConfigError, DataError, RunError
from simgan.evaluation.refined_sample import refined_sample
from simgan.evaluation.sample_drift import measure_drift
from simgan.framing.displacement import displacement
from simgan.framing.framed_images import framed
from simgan.framing.samples import comparable_samples
from simgan.images import open_images
from simgan.refining.data_set import refine_data_set
from simgan.report import write_report
from simgan.training.batches import Order, image_batches
from simgan.training.framing_choice import choose_training_framing
from tests.framing.shapes import COUNT, map_of, photographs, shapes, write_sets

RANDOM = np.random.default_rng(0)
MAP = map_of(shapes(1), photographs())


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_config):
    """A tiny training on shapes with a class, in two steps, and what it printed. Read it; do not change it."""
    folder = tmp_path_factory.mktemp("framed")
    console = Console(record=True, width=10_000, file=io.StringIO())
    run = simgan.train(tiny_config(framing="auto", steps=2), *write_sets(folder), folder / "run", console=console)
    return run, console.export_text()


def choose(tmp_path, config, **labels):
    synthetic, real = write_sets(tmp_path, **labels)
    with open_images(synthetic) as x, open_images(real) as y:
        return choose_training_framing(config, x, comparable_samples(x, y))


def test_classes_are_matched_once_in_words_and_recorded(trained):
    run, printed = trained
    assert run.config.framing == "match"
    assert run.framing_map == MAP
    assert printed.count("--framing keep") == 1
    assert "'simgan match" not in printed  # no warning of scale or place remains


@pytest.mark.parametrize(
    "labels",
    [
        {"centre": RANDOM.uniform(0, 15, (COUNT, 2))},
        {"digit": np.arange(COUNT) % 3, "gaze": RANDOM.uniform(-1, 1, (COUNT, 2))},
        {"x": np.arange(COUNT) % 3},
        {"mask": np.ones((COUNT, 16, 16), np.uint8)},
    ],
)
def test_labels_that_are_no_classes_keep_the_framing(tmp_path, tiny_config, labels, message):
    found = choose(tmp_path, tiny_config(framing="auto"), **labels)
    assert (found.config.framing, found.map) == ("keep", None)
    # Where there are classes too, a note says why the framing is kept.
    assert [list(labels)[-1] in note for note in found.notes] == [True] * ("digit" in labels)
    (tmp_path / "synthetic.h5").unlink()
    (tmp_path / "real.h5").unlink()
    with pytest.raises(ConfigError) as caught:
        choose(tmp_path, tiny_config(framing="match"), **labels)
    assert list(labels)[-1] in message(caught.value)
    assert "--framing keep" in message(caught.value)


def test_a_set_without_labels_is_matched_only_on_demand(tmp_path, tiny_config):
    np.save(tmp_path / "x.npy", shapes(1))
    np.save(tmp_path / "y.npy", photographs())
    with open_images(tmp_path / "x.npy") as x, open_images(tmp_path / "y.npy") as y:
        samples = comparable_samples(x, y)
        kept = choose_training_framing(tiny_config(framing="auto"), x, samples)
        assert (kept.config.framing, kept.map) == ("keep", None)
        assert choose_training_framing(tiny_config(framing="match"), x, samples).map == MAP


def test_keep_sets_framed_alike_and_crops_are_not_matched(tmp_path, tiny_config, message):
    assert choose(tmp_path, tiny_config(framing="keep")).map is None
    with open_images(tmp_path / "synthetic.h5") as x:
        alike = comparable_samples(x, x)
        assert choose_training_framing(tiny_config(framing="auto"), x, alike).config.framing == "keep"
        for config, reason in (
            (tiny_config(framing="match"), "same place, size and slant"),
            (tiny_config(framing="match", crop="8x8"), "crops of 8x8"),
        ):
            with pytest.raises(ConfigError, match=reason) as caught:
                choose_training_framing(config, x, alike)
            assert message(caught.value)


def test_batches_of_both_ways_are_equal_bit_for_bit(tmp_path):
    synthetic, _ = write_sets(tmp_path)
    with open_images(synthetic) as whole:
        source = framed(whole, MAP)
        for size in ((16, 16), (12, 20)):
            order = Order(COUNT, 8, seed=1, flip=True)
            ways = [image_batches(source, order, size, torch.from_numpy, keep=keep) for keep in (True, False)]
            plain = image_batches(whole, order, size, torch.from_numpy, keep=True)
            for kept, ahead, unframed in itertools.islice(zip(*ways, plain, strict=True), 10):
                assert torch.equal(kept, ahead)
                assert not torch.equal(kept, unframed)


def test_a_prolonged_training_equals_one_that_never_stopped(trained, tmp_path, tiny_config):
    sets = write_sets(tmp_path)
    whole = simgan.train(tiny_config(framing="auto", steps=3), *sets, tmp_path / "whole")
    simgan.train(tiny_config(framing="auto", steps=2), *sets, tmp_path / "parts")
    parts = simgan.resume(tmp_path / "parts", tiny_config(framing="auto", steps=3))
    assert parts.framing_map == whole.framing_map == MAP
    for one, other in zip(whole.refiner.get_weights(), parts.refiner.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_run_refines_framed_images_and_a_model_does_not(trained):
    run, _ = trained
    images = shapes(7, count=6)[..., None].astype(np.float32) / 127.5 - 1
    given = np.stack([MAP.frame(image) for image in images])
    expected = np.asarray(run.refiner.predict_on_batch(given))
    np.testing.assert_allclose(simgan.refine(run, images), expected, atol=1e-5)
    np.testing.assert_allclose(simgan.refine(run.refiner, given), expected, atol=1e-5)
    assert np.abs(simgan.refine(run.refiner, images) - expected).max() > 0.1


def test_a_refined_data_set_is_framed_and_keeps_its_classes(trained, tmp_path):
    run, _ = trained
    with open_images(run.data.synthetic.path) as source:
        refine_data_set(run, source, tmp_path / "out.h5", strength=1.0)
        np.testing.assert_array_equal(simgan.refine(run, source), simgan.refine(run, np.stack(list(source))))
        with open_images(tmp_path / "out.h5") as refined:
            np.testing.assert_array_equal(refined.labels("digit"), source.labels("digit"))
            np.testing.assert_array_equal(np.stack(list(refined)), simgan.refine(run, source))


def test_drift_is_measured_from_the_framed_image(trained, tmp_path):
    """In an array, the row of an image that is set aside keeps the framed image, unrefined."""
    run, _ = trained
    with open_images(run.data.synthetic.path) as source:
        given, refined = np.stack(list(framed(source, MAP))), simgan.refine(run, source)
        drift = displacement(*(images.astype(np.float32) / 127.5 - 1 for images in (given, refined)))
        limit = float(np.median(drift))
        aside = refine_data_set(run, source, tmp_path / "out.h5", max_drift=limit, strength=1.0)
        assert [image.name for image in aside] == [source.names[index] for index in np.flatnonzero(drift > limit)]
        with open_images(tmp_path / "out.h5") as written:
            for index, image in enumerate(written):
                np.testing.assert_array_equal(image, (given if drift[index] > limit else refined)[index])


def test_labels_that_the_framing_would_make_wrong_are_refused(trained, tmp_path, message):
    run, _ = trained
    synthetic, _ = write_sets(tmp_path, iris=RANDOM.uniform(0, 15, (COUNT, 2)))
    with open_images(synthetic) as source, pytest.raises(DataError) as caught:
        refine_data_set(run, source, tmp_path / "out.h5")
    assert "iris" in message(caught.value)
    assert "--framing keep" in message(caught.value)
    assert not (tmp_path / "out.h5").exists()


def test_an_evaluation_compares_refined_with_framed_images_and_trains_on_the_rendered_ones(trained, tmp_path):
    run, _ = trained
    synthetic, _ = write_sets(tmp_path, iris=RANDOM.uniform(0, 15, (COUNT, 2)))
    with open_images(synthetic) as source:
        sample = refined_sample(run, source, 12)
        whole = [source[index] / np.float32(127.5) - 1 for index in sample.indices]
        np.testing.assert_allclose(sample.synthetic, whole, atol=1e-6)
        given = [image / np.float32(127.5) - 1 for image in framed(source, MAP).read(sample.indices)]
        np.testing.assert_allclose(sample.unrefined, given, atol=1e-6)
        drifts, warnings = measure_drift(run, source, sample, None, steps=2, seed=0, console=Console(quiet=True))
    assert [drift.measured_by for drift in drifts] == ["optical flow"]
    assert drifts[0].mean == pytest.approx(displacement(sample.unrefined, sample.refined).mean())
    assert [text for text in warnings if "iris" in text]


@pytest.mark.parametrize("damage", ["missing", "cut"])
def test_a_run_without_its_map_says_so(tmp_path, tiny_config, damage, message):
    run = simgan.train(tiny_config(framing="auto", steps=1), *write_sets(tmp_path), tmp_path / "run")
    path = run.path / "framing_map.json"
    if damage == "missing":
        path.unlink()
    else:
        path.write_text(path.read_text()[:100])
    for attempt in (
        lambda: simgan.refine(run.path, shapes(1, count=2)),
        lambda: simgan.resume(run.path, tiny_config(framing="auto", steps=2)),
    ):
        with pytest.raises(RunError, match=r"framing_map\.json") as caught:
            attempt()
        assert message(caught.value)


def test_check_says_that_train_matches(tmp_path, capsys):
    synthetic, real = write_sets(tmp_path)
    assert main(["check", str(synthetic), "--against", str(real)]) == 0
    assert "'simgan train' does this by itself" in capsys.readouterr().out.replace("\n", " ")
    with h5py.File(synthetic, "a") as file:
        file["iris"] = RANDOM.uniform(0, 15, (COUNT, 2))
    assert main(["check", str(synthetic), "--against", str(real)]) == 0
    assert "by itself" not in capsys.readouterr().out.replace("\n", " ")


def test_the_command_refines_framed_images_and_says_so(trained, tmp_path, capsys):
    run, _ = trained
    out = tmp_path / "out.h5"
    assert main(["refine", str(run.path), run.data.synthetic.path, str(out), "--strength", "1"]) == 0
    said = capsys.readouterr().out.replace("\n", " ")
    assert "framing of the photographs before R" in said
    assert "'simgan drift' counts this as drift; 'simgan evaluate' does not, and neither does --max-drift" in said
    with open_images(run.data.synthetic.path) as source, open_images(out) as refined:
        np.testing.assert_array_equal(np.stack(list(refined)), simgan.refine(run, source))


@pytest.mark.parametrize("changes", [{"crop": "8x8"}, {"framing": "match"}, {}], ids=["crops", "matched", "whole"])
def test_findings_on_framing_are_written_as_they_are_printed(changes, tmp_path, tiny_config):
    """Crops and matched sets get no warning of framing, neither printed nor in the report, which reads the file."""
    console = Console(record=True, width=10_000, file=io.StringIO())
    run = simgan.train(tiny_config(steps=1, **changes), *write_sets(tmp_path), tmp_path / "run", console=console)
    findings = json.loads((run.path / "framing.json").read_text())
    warnings = [finding["sentence"] for finding in findings if finding["severity"] == "warning"]
    assert any("times larger in the real images" in sentence for sentence in warnings) == (not changes)
    printed, page = console.export_text(), write_report(run).read_text("utf-8")
    assert ("times larger in the real images" in printed) == ("times larger in the real images" in page)
    assert [f"warning: {sentence}" in printed for sentence in warnings] == [True] * len(warnings)
