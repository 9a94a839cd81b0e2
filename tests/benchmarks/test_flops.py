import pytest

from benchmarks.flops import Flops, discriminator_flops, refiner_flops, step_flops
from simgan import PRESETS, TrainConfig


def test_of_r_on_eyes():
    # Of a pixel: conv_in 2*9*1*64, eight convolutions 2*9*64*64, conv_out 2*64*1; 35*55 = 1925 pixels.
    of_a_pixel = 1152 + 8 * 73_728 + 128
    assert refiner_flops(TrainConfig(), 35, 55) == Flops(forward=1925 * of_a_pixel, first_layer=1925 * 1152)


def test_training_of_r_leaves_out_the_gradient_of_its_input():
    # Forward, weights and data of everything, but for the data of conv_in: 3 * 1,137,875,200 - 2,217,600.
    assert refiner_flops(TrainConfig(), 35, 55).training == 3_411_408_000


def test_of_d_on_eyes():
    # 18x28 = 504 places of C3-96, then 9x14 = 126 of C3-64 (96 in), C3-32 (64 in), C1-32 and C1-2 (32 in each).
    first = 504 * 2 * 9 * 96
    rest = 126 * 2 * (9 * 96 * 64 + 9 * 64 * 32 + 32 * 32 + 32 * 2)
    assert discriminator_flops(TrainConfig(), 35, 55) == Flops(first + rest, first)


def test_of_d_on_the_window_that_jitter_leaves():
    # 31x51 under 'valid': 15x25, 7x12, pool 5x10, C3 3x8, then 1x1 twice.
    first = 15 * 25 * 2 * 9 * 96
    rest = 7 * 12 * 2 * 9 * 96 * 64 + 3 * 8 * 2 * (9 * 64 * 32 + 32 * 32 + 32 * 2)
    assert discriminator_flops(PRESETS["wide"].config, 35, 55) == Flops(first + rest, first)


def test_of_a_step():
    r_forward, r_training = 1_137_875_200, 3_411_408_000
    d_forward, d_training = 19_724_544, 3 * 19_724_544 - 870_912
    found = step_flops(TrainConfig(), 35, 55)
    update_of_d = 256 * r_forward + 1024 * d_training  # half a batch refined; real and refined
    update_of_r = 512 * (r_training + 2 * d_forward)  # through D, whose weights stay
    assert found.refiner_pretrain == 512 * r_training
    assert found.discriminator_pretrain == update_of_d
    assert found.adversarial == 2 * update_of_r + update_of_d
    assert found.schedule(TrainConfig()) == 1000 * 512 * r_training + 200 * update_of_d + 2000 * found.adversarial


def test_of_more_images_grows_with_them():
    small, large = (step_flops(TrainConfig(batch_size=size), 35, 55).adversarial for size in (16, 512))
    assert large == pytest.approx(32 * small)
