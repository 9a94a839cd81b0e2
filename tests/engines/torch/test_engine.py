from __future__ import annotations

import functools
import logging
import shutil
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import torch
from keras import ops
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from simgan.engines.torch.engine import TorchEngine
from simgan.engines.torch.fast_forms import Recorded, with_fallback
from simgan.errors import EngineError
from simgan.models import refiner_model
from simgan.training.state import new_state
from simgan.training.steps import Steps

RANDOM = np.random.default_rng(0)


class Losses(NamedTuple):
    total: Any
    absolute: Any


def plain_engine(micro_batch: int) -> TorchEngine:
    return TorchEngine(micro_batch, compiled=False)


def linear_model() -> keras.Model:
    images = keras.Input((3,))
    model = keras.Model(images, keras.layers.Dense(1, name="dense")(images))
    model.set_weights([np.array([[0.5], [-1.0], [2.0]], np.float32), np.array([0.1], np.float32)])
    return model


def loss_of(network):
    def loss(x, target):
        error = network(x) - target
        return Losses(ops.mean(error**2), ops.mean(ops.abs(error)))

    return loss


def fallbacks(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == "simgan"]


def built(optimiser, model):
    optimiser.build(model.trainable_variables)
    return optimiser


@pytest.fixture
def batch():
    return tuple(torch.from_numpy(RANDOM.normal(size=(7, columns)).astype(np.float32)) for columns in (3, 1))


def check_linear_regression(engine: TorchEngine, batch) -> None:
    """Two updates against the gradient 2 X^T (X w + b - t) / N, in float64."""
    model = linear_model()
    x, target = (part.numpy().astype(np.float64) for part in batch)
    weights, bias = (array.astype(np.float64) for array in model.get_weights())
    update = engine.minimiser(
        loss_of(engine.network(model)), model.trainable_variables, built(keras.optimizers.SGD(0.1), model)
    )
    for _ in range(2):
        error = x @ weights + bias - target
        losses = update(batch)
        assert isinstance(losses, Losses)
        assert float(losses.total) == pytest.approx((error**2).mean(), rel=1e-5)  # before the update
        assert float(losses.absolute) == pytest.approx(np.abs(error).mean(), rel=1e-5)
        weights, bias = weights - 0.2 * x.T @ error / 7, bias - 0.2 * error.mean(axis=0)
        np.testing.assert_allclose(model.get_weights()[0], weights, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-5, atol=1e-6)


# --- Updates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("micro_batch", [1, 3, 7, 100])
def test_update_is_the_whole_batch_s_worked_out_by_hand(micro_batch, batch):
    check_linear_regression(plain_engine(micro_batch), batch)


@pytest.fixture
def distance_from_plain_torch(leaves, plain_refiner):
    """Makes one update of a tiny refiner. How far it is from that of plain PyTorch in float64 on the whole batch, as
    a share of the way that this goes."""

    def update(engine: TorchEngine, dtype: str) -> float:
        keras.utils.set_random_seed(1)
        model = refiner_model(None, None, filters=3, blocks=1, data_format="channels_first", dtype=dtype)
        x, target = np.random.default_rng(2).uniform(-1, 1, (2, 6, 8, 9, 1)).astype(np.float32)
        before = leaves(model, torch.float64)
        refined, wanted = (torch.tensor(part).double().permute(0, 3, 1, 2) for part in (x, target))
        loss = ((plain_refiner(before, refined) - wanted) ** 2).mean()
        expected = torch.cat([-0.5 * part.ravel() for part in torch.autograd.grad(loss, before)])
        minimise = engine.minimiser(
            loss_of(engine.network(model)), model.trainable_variables, built(keras.optimizers.SGD(0.5), model)
        )
        minimise([engine.to_device(part) for part in (x, target)])
        after = leaves(model, torch.float64)
        moved = torch.cat([(new - old).detach().ravel() for new, old in zip(after, before, strict=True)])
        assert float(expected.abs().max()) > 1e-2
        return float(torch.linalg.norm(moved - expected) / torch.linalg.norm(expected))

    return update


@pytest.mark.parametrize("micro_batch", [6, 4, 1])
def test_update_of_a_network_is_that_of_plain_torch_on_the_whole_batch(micro_batch, distance_from_plain_torch):
    assert distance_from_plain_torch(plain_engine(micro_batch), "float32") < 1e-5


def test_bfloat16_update_is_near_that_of_float64(distance_from_plain_torch):
    assert 1e-4 < distance_from_plain_torch(plain_engine(3), "mixed_bfloat16") < 0.05


def test_traced_update_is_that_of_plain_torch(distance_from_plain_torch, monkeypatch, caplog):
    # Traced and differentiated ahead of time as for the compiler, without the half minute of C++.
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="aot_eager"))
    assert distance_from_plain_torch(TorchEngine(3, compiled=True), "float32") < 1e-5
    assert fallbacks(caplog) == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="there is no C++ compiler, which PyTorch needs to compile")
def test_compiled_update_is_the_one_worked_out_by_hand(batch, caplog):
    # Plain loops and no shared header: a few seconds of C++ instead of half a minute.
    with torch._inductor.config.patch({"cpp.vec_isa_ok": False, "cpp_cache_precompile_headers": False}):
        check_linear_regression(TorchEngine(7, compiled=True), batch)
    assert fallbacks(caplog) == []


def test_engines_one_after_the_other_all_compile(monkeypatch):
    """PyTorch compiles so many forms of a function and no more; those of earlier trainings must not count."""
    graphs = []

    def count(graph, inputs):
        graphs.append(graph)
        return graph

    images = keras.Input((3,))
    model = keras.Model(images, 2 * images)
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend=count))
    with torch._dynamo.config.patch(recompile_limit=1):
        for training in (1, 2, 3):
            engine = TorchEngine(4, compiled=True)
            doubled = engine.infer(engine.network(model), torch.ones(4, 3))
            assert doubled.tolist() == 4 * [[2, 2, 2]]
            assert len(graphs) == training


@pytest.mark.parametrize("rate", [0.05, keras.optimizers.schedules.CosineDecay(0.05, 6)], ids=["fixed", "cosine"])
@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_update_rule_is_that_of_keras(kind, rate):
    """Of the mean of x w + b the gradients are the mean of x, and 1."""
    options = {"beta_1": 0.5} if kind == "Adam" else {}
    own, keras_s = (linear_model() for _ in range(2))
    optimisers = [built(getattr(keras.optimizers, kind)(rate, **options), model) for model in (own, keras_s)]
    update = plain_engine(2).minimiser(
        lambda x: Losses(ops.mean(own(x)), ops.mean(x)), own.trainable_variables, optimisers[0]
    )
    for number in range(1, 8):
        x = torch.from_numpy(RANDOM.normal(size=(4, 3)).astype(np.float32))
        update((x,))
        with torch.no_grad():
            optimisers[1].apply([x.mean(dim=0)[:, None], torch.ones(1)], keras_s.trainable_variables)
        assert int(optimisers[0].iterations) == number
        for a, b in zip(
            [*own.weights, *optimisers[0].variables], [*keras_s.weights, *optimisers[1].variables], strict=True
        ):
            np.testing.assert_allclose(ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-5, atol=1e-7)
    assert np.abs(own.get_weights()[0] - linear_model().get_weights()[0]).max() > 0.01


def test_adam_sees_the_gradient_of_the_whole_batch_once(batch):
    model, (x, target) = linear_model(), batch
    weights, bias = (torch.tensor(array, requires_grad=True) for array in model.get_weights())
    own = torch.optim.Adam([weights, bias], lr=0.01, betas=(0.5, 0.999), eps=1e-7)
    optimiser = built(keras.optimizers.Adam(0.01, beta_1=0.5), model)
    update = plain_engine(2).minimiser(loss_of(model), model.trainable_variables, optimiser)
    for _ in range(3):
        own.zero_grad()
        ((x @ weights + bias - target) ** 2).mean().backward()
        own.step()
        update(batch)
    np.testing.assert_allclose(model.get_weights()[0], weights.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(model.get_weights()[1], bias.detach().numpy(), atol=1e-5)


@pytest.mark.parametrize(
    "optimiser",
    [
        keras.optimizers.SGD(0.1, momentum=0.9),
        keras.optimizers.Adam(0.1, amsgrad=True),
        keras.optimizers.RMSprop(0.1),
    ],
    ids=["momentum", "amsgrad", "RMSprop"],
)
def test_other_optimisers_are_refused_in_one_line(optimiser, only_line):
    model = linear_model()
    with pytest.raises(EngineError) as caught:
        plain_engine(1).minimiser(loss_of(model), model.trainable_variables, built(optimiser, model))
    assert f"received {optimiser.name}" in only_line(str(caught.value))


def test_only_the_named_variables_change(batch):
    model = linear_model()
    weights, bias = model.get_weights()
    optimiser = keras.optimizers.SGD(0.1)
    optimiser.build([model.layers[-1].bias])
    plain_engine(3).minimiser(loss_of(model), [model.layers[-1].bias], optimiser)(batch)
    np.testing.assert_array_equal(model.get_weights()[0], weights)
    assert model.get_weights()[1] != pytest.approx(bias, abs=1e-3)


def test_other_networks_are_frozen_within_an_update_and_only_then(batch):
    model, other, engine = linear_model(), linear_model(), plain_engine(4)
    network, judge = engine.network(model), engine.network(other, small=True)
    values = [[variable.value for variable in one.trainable_variables] for one in (model, other)]
    seen = []

    def loss(x, target):
        seen.append([[value.requires_grad for value in group] for group in values])
        if len(seen) == 3:
            raise MemoryError
        return Losses(ops.mean((network(x) - target + judge(x)) ** 2), ops.mean(target))

    update = engine.minimiser(loss, model.trainable_variables, built(keras.optimizers.SGD(0.1), model))
    update(batch)
    with pytest.raises(MemoryError):
        update(batch)
    assert seen == [[[True, True], [False, False]]] * 3
    assert all(value.requires_grad for group in values for value in group)


def test_shared_arrays_go_to_the_loss_whole():
    model, seen = linear_model(), []

    def loss(x, shared):
        seen.append((len(x), shared.tolist()))
        return Losses(ops.mean(model(x)) * shared.sum(), shared.sum())

    update = plain_engine(2).minimiser(loss, model.trainable_variables, built(keras.optimizers.SGD(1.0), model))
    losses = update((torch.ones(5, 3),), (torch.tensor([1.0, 2.0, 4.0]),))
    assert seen == [(2, [1, 2, 4]), (2, [1, 2, 4]), (1, [1, 2, 4])]
    assert float(losses.absolute) == pytest.approx(7)
    assert model.get_weights()[1] == pytest.approx([0.1 - 7], rel=1e-6)


# --- Arrays, inference, averages --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "float32", "bool"])
def test_arrays_come_back_as_they_went(dtype):
    array, engine = RANDOM.integers(0, 200, (3, 4, 5)).astype(dtype), plain_engine(1)
    for view in (array, array[:, ::-1], array.T):
        on_device = engine.to_device(view)
        assert tuple(on_device.shape) == view.shape
        back = engine.to_numpy(on_device)
        assert back.dtype == dtype
        np.testing.assert_array_equal(back, view)


def test_zeros_are_float32():
    zeros = plain_engine(1).zeros((2, 3))
    assert zeros.dtype == torch.float32
    assert zeros.tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("micro_batch", [2, 5, 64])
def test_infer_is_the_model_in_micro_batches(micro_batch):
    model, engine, sizes = refiner_model(None, None, filters=3, blocks=1), plain_engine(micro_batch), []

    def network(images):
        sizes.append(len(images))
        return engine.network(model)(images)

    x = torch.from_numpy(RANDOM.uniform(-1, 1, (5, 6, 7, 1)).astype(np.float32))
    inferred = engine.infer(network, x)
    assert not inferred.requires_grad
    np.testing.assert_allclose(inferred.numpy(), ops.convert_to_numpy(model(x)), atol=1e-6)
    assert sizes == {2: [2, 2, 1], 5: [5], 64: [5]}[micro_batch]


def test_network_follows_the_weights_of_its_model():
    model, engine = linear_model(), plain_engine(4)
    network = engine.network(model)
    model.set_weights([np.zeros((3, 1), np.float32), np.array([7.0], np.float32)])
    assert engine.infer(network, torch.ones(2, 3)).tolist() == [[7], [7]]


@pytest.mark.parametrize(("decay", "expected"), [(0.0, 3.0), (0.75, 1.5), (1.0, 1.0)])
def test_average_moves_towards_the_variables(decay, expected):
    into, variable = keras.Variable(np.full(2, 1.0, np.float32)), keras.Variable(np.full(2, 3.0, np.float32))
    plain_engine(1).average([into], [variable], decay)
    np.testing.assert_allclose(ops.convert_to_numpy(into), [expected] * 2, rtol=1e-6)
    np.testing.assert_array_equal(ops.convert_to_numpy(variable), [3.0, 3.0])


# --- Recorded updates -------------------------------------------------------------------------------------------


class Tape:
    """Stands for a CUDA graph: every operation on its own places in memory, again and again, and no Python."""

    replays = 0

    def __init__(self):
        self.operations: list[Any] = []

    @torch.no_grad()
    def replay(self):
        Tape.replays += 1
        for operation, arguments, options, results in self.operations:
            for place, result in zip(tree_leaves(results), tree_leaves(operation(*arguments, **options)), strict=True):
                if isinstance(place, torch.Tensor) and place.data_ptr() != result.data_ptr():
                    place.copy_(result)


class Recording(TorchDispatchMode):
    """Stands for `torch.cuda.graph`: writes operations onto a tape. They have not happened when it ends."""

    def __init__(self, tape, *, capture_error_mode, state):
        super().__init__()
        assert capture_error_mode == "thread_local"
        self._tape, self._state = tape, state

    def __enter__(self):
        self._before = [tensor.clone() for tensor in self._state]
        return super().__enter__()

    def __exit__(self, *error):
        super().__exit__(*error)
        with torch.no_grad():
            torch._foreach_copy_(self._state, self._before)

    def __torch_dispatch__(self, operation, types, arguments=(), options=None):
        results = operation(*arguments, **(options or {}))
        self._tape.operations.append((operation, arguments, options or {}, results))
        return results


class RecordedEngine(TorchEngine):
    """What a GPU gets."""

    def minimiser(self, loss, variables, optimiser, **options):
        return Recorded(super().minimiser(loss, variables, optimiser, **options))


def story(engine: TorchEngine, tiny_config, monkeypatch) -> tuple[list[float], list[np.ndarray]]:
    """Losses and weights of a small training with two batch sizes, windows and Adam."""
    adam = {"name": "adam", "learning_rate": 0.01}
    config = tiny_config(jitter=1, refiner_optimiser=adam, discriminator_optimiser=adam)
    state = new_state(engine, config, (8, 9), 1)
    models, optimisers = (state.refiner, state.discriminator), (state.refiner_optimiser, state.discriminator_optimiser)
    variables = [variable for holder in (*models, *optimisers) for variable in holder.variables]
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Tape)
    monkeypatch.setattr(torch.cuda, "graph", functools.partial(Recording, state=[one.value for one in variables]))
    steps, random, kept = Steps(engine, state, config), np.random.default_rng(5), []
    for number in range(14):
        x, y = engine.to_device(random.uniform(-1, 1, (2, 4 + 2 * (number % 2), 8, 9, 1)).astype(np.float32))
        kept += [*steps.pretrain_refiner(x), *steps.update_refiner(x, 1.0)]
        losses, fresh = steps.update_discriminator(x, y)
        state.history.add(fresh)
        kept += losses
    return [float(loss) for loss in kept], [ops.convert_to_numpy(one) for one in variables]


def test_recorded_updates_are_the_same_numbers(tiny_config, monkeypatch):
    monkeypatch.setattr(Tape, "replays", 0)
    losses, variables = story(plain_engine(3), tiny_config, monkeypatch)
    assert Tape.replays == 0
    recorded_losses, recorded_variables = story(RecordedEngine(3, compiled=False), tiny_config, monkeypatch)
    assert Tape.replays == 3 * 2 * (7 - 3)  # of three updates and two sizes, all runs but the warm-ups
    assert recorded_losses == losses  # read when all was over: no replay wrote over those before
    assert len({round(loss, 4) for loss in losses}) > 40  # the updates do differ
    for recorded, plain in zip(recorded_variables, variables, strict=True):
        np.testing.assert_array_equal(recorded, plain)


# --- Falling back -----------------------------------------------------------------------------------------------


def test_failure_of_the_fast_form_is_logged_once_and_the_plain_one_takes_over(caplog):
    tried = []

    def fast(value):
        tried.append(value)
        raise RuntimeError("no compiler\nand a long trace")

    call = with_fallback(fast, lambda value: 2 * value)
    with caplog.at_level(logging.WARNING, "simgan"):
        assert [call(1), call(2), call(3)] == [2, 4, 6]
    assert tried == [1]
    assert fallbacks(caplog) == ["compiling failed (no compiler); continuing without it, slower"]


def test_fast_form_is_used_while_it_works(caplog):
    call = with_fallback(lambda value: value + 1, lambda value: pytest.fail("the plain form"))
    assert [call(1), call(2)] == [2, 3]
    assert fallbacks(caplog) == []


def test_failure_of_the_plain_form_is_raised():
    def fails(message):
        def call(value):
            raise RuntimeError(message)

        return call

    call = with_fallback(fails("fast"), fails("plain"))
    for _ in range(2):
        with pytest.raises(RuntimeError, match="plain"):
            call(1)


def test_network_that_cannot_be_compiled_runs_as_it_is(batch, monkeypatch, caplog):
    def broken(function, **_):
        def call(*_):
            raise RuntimeError("no compiler")

        return call

    monkeypatch.setattr(torch, "compile", broken)
    check_linear_regression(TorchEngine(3, compiled=True), batch)
    assert len(fallbacks(caplog)) == 1
