"""What an hour costs more than a minute, at the same number of frames that are looked at.

.venv/bin/python bench/video_length.py
"""

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from statistics import median

from figures import Figure, at_most, in_turns, main, ratio
from moving_portrait import repeat, write_clip
from workers import fresh_checker, resident_mb

SECONDS = 10  # that are encoded, and then repeated
ROUNDS = 5
AIM_TIME, AIM_MEMORY = 1.5, 1.1


def measure() -> Iterator[Figure]:
    """Both judged in turns by one worker; then each by a worker of its own, for its memory."""
    with tempfile.TemporaryDirectory() as folder:
        scene = write_clip(Path(folder) / "scene.mp4", 1920, 1080, SECONDS)
        minute = repeat(scene, scene.with_name("minute.mp4"), 60 // SECONDS)
        hour = repeat(scene, scene.with_name("hour.mp4"), 3600 // SECONDS)
        videos = (minute, hour)
        with fresh_checker(*videos) as checker:
            taken = in_turns([partial(checker.check, video) for video in videos], ROUNDS)
        aside = (
            f"{median(taken[0]):.2f} s and {median(taken[1]):.2f} s, hashing its "
            f"{hour.stat().st_size / 1e6:.0f} MB included"
        )
        yield at_most("an hour of 1080p to a minute: time", AIM_TIME, ratio(*taken), "x", aside)
        peaks = _peak_mb(minute), _peak_mb(hour)
        aside = f"{peaks[0]:.0f} MB and {peaks[1]:.0f} MB at the most"
        more = peaks[1] / peaks[0]
        yield at_most("an hour of 1080p to a minute: memory", AIM_MEMORY, more, "x", aside)


def _peak_mb(video: Path) -> float:
    with fresh_checker(video) as checker:
        record = checker.check(video)
        assert record["probability"] is not None, record["decision"]
        return resident_mb()[1]


if __name__ == "__main__":
    main(measure)
