import json

from benchmarks.ours import time_phases, timed_config


def test_one_interval_is_not_timed(data, tiny_config, capsys):
    config = timed_config(tiny_config(), (4, 0, 2), log_every=2)
    assert (config.refiner_pretrain_steps, config.discriminator_pretrain_steps, config.steps) == (6, 0, 4)
    time_phases(config, *data)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["phase"] for line in lines] == ["refiner_pretrain", "refiner_pretrain", "adversarial"]
    assert all(line["seconds"] > 0 and 0 <= line["waiting"] <= 1 for line in lines)
