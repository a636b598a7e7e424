"""Every file is measured once, whatever ends a run, and no file ends it."""

import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ddaemon.storage.errors import UserError
from ddaemon.tests.clips import numbered_clip
from ddaemon.tests.unit.training.datasets.killers import die_on_bad
from ddaemon.training.datasets import measuring
from ddaemon.training.datasets.fingerprint import Fingerprint, fingerprint
from ddaemon.training.datasets.measuring import File, measure
from ddaemon.training.run.journal import Journal

MakeImage = Callable[[Path, int], Path]


class Bench:
    """Measures images below one folder and remembers what it was told."""

    def __init__(self, root: Path, beside: Path) -> None:
        self.root, self.cache, self._journal = root, beside / "cache", beside / "journal"
        self.told: list[tuple[int, int]] = []

    def measure(self, *names: str) -> dict[str, Fingerprint]:
        files: list[File] = [(name, "image") for name in names]
        journal = Journal(self._journal)
        return measure(self.root, files, self.cache, journal, self._progress, 2)

    @property
    def noted(self) -> int:
        return len(self._journal.read_text().splitlines())

    def _progress(self, step: str, done: int, total: int) -> None:
        assert step == "index"
        self.told.append((done, total))


@pytest.fixture
def bench(tmp_path: Path, make_image: MakeImage) -> Bench:
    for number, name in enumerate(("a.png", "b.png", "bad.png")):
        make_image(tmp_path / "data" / name, number)
    return Bench(tmp_path / "data", tmp_path)


def test_an_images_fingerprint_says_what_it_is(tmp_path: Path, make_image: MakeImage) -> None:
    content = make_image(tmp_path / "a.png", 1).read_bytes()
    measured = fingerprint(tmp_path, "a.png", "image")
    assert measured.sha256 == hashlib.sha256(content).hexdigest()
    assert (measured.width, measured.height, measured.bytes) == (68, 64, len(content))
    assert measured.bits_per_pixel == pytest.approx(8 * len(content) / (64 * 68))
    assert (measured.seconds, measured.fault, len(measured.looks)) == (0, "", 64)


def test_a_videos_fingerprint_says_what_it_is(tmp_path: Path) -> None:
    size = numbered_clip(tmp_path / "a.mp4", 50).stat().st_size
    measured = fingerprint(tmp_path, "a.mp4", "video")
    assert (measured.width, measured.height, measured.fault) == (128, 96, "")
    assert measured.seconds == pytest.approx(2.0)
    assert measured.bits_per_pixel == pytest.approx(8 * size / (128 * 96 * 50))
    assert len({measured.looks[i : i + 64] for i in (0, 64, 128)}) == 3


@pytest.mark.parametrize("name", ["a.png", "a.mp4", "gone.png", "gone.mp4"])
def test_a_file_that_can_not_be_used_says_why(name: str, tmp_path: Path) -> None:
    (tmp_path / f"a.{name[-3:]}").write_bytes(b"")
    measured = fingerprint(tmp_path, name, "image" if name.endswith("png") else "video")
    assert measured.fault
    assert not measured.looks


def test_nothing_is_measured_twice(bench: Bench) -> None:
    first = bench.measure("a.png", "b.png", "a.png")
    assert bench.noted == 2
    assert bench.told[0] == (0, 2)
    assert bench.told[-1] == (2, 2)
    assert bench.measure("a.png", "b.png", "bad.png") | first == bench.measure(
        "a.png", "b.png", "bad.png"
    )
    assert bench.noted == 3
    assert bench.told[-1] == (3, 3)


def test_a_file_changed_without_growing_is_measured_anew(bench: Bench) -> None:
    content = (bench.root / "a.png").read_bytes()
    for number, last in enumerate((b"x", b"y")):
        (bench.root / "a.png").write_bytes(content + last)
        os.utime(bench.root / "a.png", ns=(number, number))
        measured = bench.measure("a.png")["a.png"]
        assert measured.sha256 == hashlib.sha256(content + last).hexdigest()


def test_a_file_that_could_not_be_read_is_tried_again(bench: Bench) -> None:
    with zipfile.ZipFile(bench.root / "f.zip", "w") as archive:
        archive.write(bench.root / "a.png", "a.png")
    damaged = bytearray((bench.root / "f.zip").read_bytes())
    damaged[200] ^= 255
    (bench.root / "f.zip").write_bytes(damaged)
    for tries in (1, 2):
        assert "unpacked" in bench.measure("f.zip/a.png")["f.zip/a.png"].fault
        assert bench.noted == tries


def test_half_a_line_of_a_killed_run_costs_one_file(bench: Bench) -> None:
    whole = bench.measure("a.png", "b.png")
    bench.cache.write_bytes(bench.cache.read_bytes()[:-20])
    assert bench.measure("a.png", "b.png") == whole
    assert bench.noted == 3
    assert bench.measure("a.png", "b.png") == whole
    assert bench.noted == 3


def test_a_damaged_cache_is_not_believed(bench: Bench) -> None:
    bench.cache.write_text("nonsense\n")
    with pytest.raises(UserError, match="delete it"):
        bench.measure("a.png")


def test_a_file_that_ends_its_process_is_told_and_no_other_suffers(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measuring, "fingerprint_chunk", die_on_bad)
    measured = bench.measure("a.png", "bad.png", "b.png")
    assert {name: bool(found.fault) for name, found in measured.items()} == {
        "a.png": False,
        "b.png": False,
        "bad.png": True,
    }
    content = (bench.root / "bad.png").read_bytes()
    assert measured["bad.png"].sha256 == hashlib.sha256(content).hexdigest()
    assert bench.measure("bad.png") == {"bad.png": measured["bad.png"]}  # not tried again
