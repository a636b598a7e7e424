"""The stage `frames`: which frames are sampled."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2

from ..record.schema import ContainerPart
from .base import Context
from .media.pyav import PyavVideo, open_video
from .media.video import ContainerFacts, Frame
from .settings import FramesSettings

JPEG_QUALITY = 95


class FrameSample:
    """The sampled frames (fact `frames`): decoded each time they are iterated, one at a time.

    The file is described once, then opened for each iteration and closed after it. `count` is how
    many were asked for; a short video gives fewer. `keep` is the folder for JPEGs of the frames.
    """

    def __init__(self, video: Path, settings: FramesSettings, keep: Path | None = None) -> None:
        self._video, self._settings, self._keep = video, settings, keep
        self.count = settings.count
        self._source: PyavVideo | None = None

    def __iter__(self) -> Iterator[Frame]:
        with self._open() as source:
            for frame in source.sample(self.count):
                if self._keep is not None:
                    _keep(frame, self._keep)
                yield frame

    def at(self, times: Sequence[float]) -> Iterator[Frame]:
        """The frames displayed at `times` (seconds, ascending), one for each time; the `t` of a
        sampled frame gives that very frame."""
        with self._open() as source:
            yield from source.at(times)

    def container(self) -> ContainerFacts:
        """What the container states about itself. Raises what `open_video` raises."""
        with self._open() as source:
            return source.facts

    def _open(self) -> PyavVideo:
        settings = self._settings
        if self._source is None:
            self._source = open_video(
                self._video, max_pixels=settings.max_pixels, max_seconds=settings.max_seconds
            )
        return self._source


class Frames:
    """Opens the video, so that an unusable one is refused before any work is done.

    Gives `frames` (a `FrameSample`) and `container` (a `ContainerPart`).
    Raises `NotAnalysable` (unsupported or undecodable).
    """

    name = "frames"
    version = "1"
    needs: frozenset[str] = frozenset()
    gives = frozenset({"frames", "container"})
    publishes: frozenset[str] = frozenset()

    def run(self, context: Context) -> Mapping[str, Any]:
        """Open the video once and describe it; frames are decoded as they are iterated."""
        settings = context.settings.frames
        keep = context.work / "frames" if settings.keep else None
        sample = FrameSample(context.video, settings, keep)
        container = sample.container()
        context.progress(1.0)
        return {"frames": sample, "container": _described(container)}


def _described(container: ContainerFacts) -> ContainerPart:
    return {
        "format": container.format,
        "codec": container.codec,
        "width": container.width,
        "height": container.height,
        "fps": container.fps,
        "duration_s": container.duration_s,
        "rotation": container.rotation,
    }


def _keep(frame: Frame, folder: Path) -> None:
    path = folder / f"{frame.index}.jpg"
    if path.exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    bgr = cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR)
    beside = path.with_name(f".{path.name}")
    if not cv2.imwrite(str(beside), bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
        raise OSError(f"could not write {path}")
    beside.replace(path)
