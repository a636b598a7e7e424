import json

import numpy as np
import pytest

from ddaemon.storage.errors import UserError
from ddaemon.tests.unit.training.fitting.fitting_data import recipe
from ddaemon.training.features.sequences import write_sequences
from ddaemon.training.fitting.seed_protocol import run_seed_protocol
from ddaemon.training.run.journal import Journal
from ddaemon.training.run.progress_callback import silent
from ddaemon.training.run.recipe import HeadSettings

PEOPLE, VIDEOS, WIDTH = 30, 8, 16
HEAD = HeadSettings(units=8, attention_units=4, dropout=0.0, rate=2e-2, batch=32)


@pytest.fixture
def leaking(tmp_path):
    """A person's vectors look alike and have one label, which nothing but the person tells."""
    random = np.random.default_rng(0)
    looks = random.normal(0, 1, (PEOPLE, WIDTH))
    people = np.repeat(np.arange(PEOPLE), VIDEOS)
    means = looks[people] + random.normal(0, 0.1, (len(people), WIDTH))
    videos = [[np.repeat(mean[None], 2, axis=0).astype(np.float16)] for mean in means]
    sequences = write_sequences(tmp_path / "vectors", videos, 2 * len(videos), WIDTH)
    splits = np.array(["train"] * 16 + ["val"] * 4 + ["test"] * 10)[people]
    return sequences, people % 3 == 0, [f"person-{number}" for number in people], splits.tolist()


def run(folder, leaking, **changes):
    asked = recipe(protocol="seed", head=HEAD, epochs=8, **changes)
    return run_seed_protocol(
        *leaking, asked, folder / "seed", Journal(folder / "journal.jsonl"), silent
    )


@pytest.mark.slow
def test_the_seed_protocol_flatters_where_labels_hang_on_people(leaking, tmp_path):
    found = run(tmp_path, leaking)
    seed, sound = found["seed"], found["sound"]
    assert seed["accuracy"] > 0.9
    assert sound["balanced_accuracy"] < 0.75
    assert seed["best_accuracy"] >= seed["accuracy"]
    assert seed["validation_samples"] == 64  # of 240 videos and 80 made ones
    assert 0 < seed["synthetic_in_validation"] < 64
    assert seed["people_in_both"] > 20
    assert sound["people_in_both"] == 0
    assert sound["videos"] == 80
    assert len(seed["curves"]) == 9
    assert seed["report"]["fake"]["support"] == 32
    made = f"{seed['synthetic_in_validation']} of the seed protocol's 64 validation samples"
    assert any(sentence.startswith(made) for sentence in found["why"])
    json.dumps(found, allow_nan=False)
    lines = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert len(lines) == 16
    assert run(tmp_path, leaking) == found
    assert (tmp_path / "journal.jsonl").read_text().splitlines() == lines


def test_a_split_without_a_label_is_named(leaking, tmp_path):
    sequences, fake, groups, splits = leaking
    fake = fake & (np.array(splits) != "test")
    with pytest.raises(UserError, match="the test part has no fakes"):
        run(tmp_path, (sequences, fake, groups, splits))
