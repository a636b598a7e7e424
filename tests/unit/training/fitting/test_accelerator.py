import pytest

from ddaemon.tests.unit.training.fitting.fitting_data import make_part, recipe
from ddaemon.training.fitting import accelerator
from ddaemon.training.fitting.head_fit import fit_head
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent


def policy():
    import keras

    return keras.mixed_precision.dtype_policy().name


def test_without_a_gpu_nothing_changes():
    with accelerator.accelerated() as devices:
        assert (devices, policy()) == (1, "float32")


def test_with_a_gpu_precision_is_mixed_and_put_back_even_after_a_fault(monkeypatch):
    monkeypatch.setattr(accelerator, "_gpus", lambda: ["gpu:0"])
    with pytest.raises(ValueError, match="broken"), accelerator.accelerated():
        assert policy() == accelerator.MIXED
        raise ValueError("broken")
    assert policy() == "float32"


@pytest.mark.parametrize(("gpus", "used"), [(0, 1), (1, 1), (2, 2), (3, 2), (8, 8)])
def test_a_batch_is_spread_where_the_backend_can(gpus, used, monkeypatch, keras):
    names = [f"gpu:{number}" for number in range(gpus)]
    told = []
    monkeypatch.setattr(accelerator, "_gpus", lambda: names)
    monkeypatch.setattr(accelerator, "PARALLEL", (keras.backend.backend(),))
    monkeypatch.setattr(keras.distribution, "DataParallel", lambda devices: devices)
    monkeypatch.setattr(keras.distribution, "set_distribution", told.append)
    with accelerator.accelerated() as devices:
        assert devices == used
    assert told == ([names[:used], None] if used > 1 else [None])


@pytest.mark.slow
def test_a_head_learns_with_mixed_precision(monkeypatch, tmp_path):
    monkeypatch.setattr(accelerator, "_gpus", lambda: ["gpu:0"])
    train, val = make_part(tmp_path / "a", 80, 0), make_part(tmp_path / "b", 40, 1, who="other")
    journal = Journal(tmp_path / "journal.jsonl")
    found = fit_head(train, val, recipe(epochs=2), None, tmp_path / "fit", journal, silent)
    assert found.curves[-1]["val_auc"] > 0.9
    assert {array.dtype.name for array in found.arrays.values()} == {"float32"}
