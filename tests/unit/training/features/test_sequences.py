import numpy as np
import pytest

from ddaemon.training.features.sequences import read_sequences, write_sequences

WIDTH = 3


def person(value, steps):
    return np.full((steps, WIDTH), value, np.float16)


@pytest.fixture
def sequences(tmp_path):
    videos = [[person(1, 2), person(2, 1)], [person(3, 4)]]
    write_sequences(tmp_path, videos, 7, WIDTH)
    return read_sequences(tmp_path)


def test_each_persons_vectors_are_found_again(sequences):
    assert [found.tolist() for found in (sequences[0], sequences[1], sequences[2])] == [
        person(1, 2).tolist(), person(2, 1).tolist(), person(3, 4).tolist(),
    ]  # fmt: skip
    assert sequences.video.tolist() == [0, 0, 1]
    assert sequences.lengths().tolist() == [2, 1, 4]


def test_the_main_person_of_a_video_is_its_first(sequences):
    assert sequences.main().tolist() == [0, 2]


def test_vectors_are_mapped_and_not_read(sequences):
    assert isinstance(sequences.vectors, np.memmap)


def test_pooling_gives_one_step_each(sequences):
    pooled = sequences.pooled()
    assert pooled.lengths().tolist() == [1, 1, 1]
    assert pooled[2].tolist() == [[3.0] * WIDTH]
    assert pooled.main().tolist() == [0, 2]
