"""The head's scores of videos: the same arithmetic as in serving, over cached vectors."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...stages.networks.head import Head, HeadOutput
from ..features.sequences import Sequences

Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scores:
    """Logits of videos, before calibration. A video is as fake as its most suspicious person."""

    whole: Logits  # (videos,): of the head
    mean: Logits  # (videos,): the mean of each frame's own logit
    frames: Logits  # (frames,): each frame's own, all videos one after the other
    owner: NDArray[np.int64]  # (frames,): the place of the video among those scored
    person: NDArray[np.int64]  # (videos,): the place of the sequence that decides


def score_videos(
    sequences: Sequences, videos: Sequence[int] | NDArray[np.int64], head: Head, pooling: str
) -> Scores:
    """Judge some videos (places as in `sequences.video`) with the code that serves."""
    persons = persons_of(sequences)
    whole, mean, frames, owner, deciding = [], [], [], [], []
    for place, video in enumerate(videos):
        outputs = [_judge(head, pooling, sequences[number]) for number in persons[int(video)]]
        logits = [output.logit for output in outputs]
        whole.append(max(logits))
        deciding.append(persons[int(video)][int(np.argmax(logits))])
        mean.append(max(float(output.frame_logits.mean()) for output in outputs))
        frames += [output.frame_logits for output in outputs]
        owner += [place] * sum(len(output.frame_logits) for output in outputs)
    return Scores(
        np.array(whole, np.float64),
        np.array(mean, np.float64),
        np.concatenate(frames).astype(np.float64) if frames else np.zeros(0),
        np.array(owner, np.int64),
        np.array(deciding, np.int64),
    )


def score_means(
    sequences: Sequences,
    videos: Sequence[int] | NDArray[np.int64],
    kernel: NDArray[np.float32],
    bias: float,
) -> Logits:
    """A linear classifier on each person's mean vector; a video has the largest of its persons'."""
    persons = persons_of(sequences)
    means = [sequences.means(persons[int(video)]) for video in videos]
    return np.array([float((mean @ kernel.ravel() + bias).max()) for mean in means], np.float64)


def persons_of(sequences: Sequences) -> dict[int, list[int]]:
    """The sequences of each video."""
    persons: dict[int, list[int]] = {}
    for number, video in enumerate(sequences.video.tolist()):
        persons.setdefault(video, []).append(number)
    return persons


def _judge(head: Head, pooling: str, vectors: NDArray[np.float16]) -> HeadOutput:
    wide = np.asarray(vectors, np.float32)
    return head.run_mean(wide) if pooling == "mean" else head.run(wide)
