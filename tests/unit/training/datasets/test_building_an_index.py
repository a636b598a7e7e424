"""From a path to an index: everything that is wrong is told at once, nothing is hidden."""

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ddaemon.storage.errors import UserError
from ddaemon.tests.clips import numbered_clip
from ddaemon.training.datasets.index import describe
from ddaemon.training.datasets.rows import (
    FAKE,
    REAL,
    SPLITS,
    TRAIN,
    UNUSED,
    read_index,
    write_index,
)

MakeImage = Callable[[Path, int], Path]
Desk = Any  # of conftest.py


def add(dataset: Path, *lines: str) -> None:
    with (dataset / "clips.csv").open("a") as stream:
        stream.writelines(f"{line}\n" for line in lines)


def test_an_index_is_measured_split_and_counted(faces: Path, desk: Desk) -> None:
    index = desk.build(faces)
    assert (index.root, index.layout, len(index.rows)) == (faces.resolve(), "table", 20)
    assert all(row.split in SPLITS and row.sha256 and row.width == 68 for row in index.rows)
    assert sum(sum(counts.values()) for counts in index.findings.counts.values()) == 20
    assert index.findings.label_distribution == {"fake": 0.5, "real": 0.5}
    assert index.findings.imbalance == 1
    assert index.findings.leaks == []
    assert sum(index.findings.groups.values()) == 10
    assert len(desk.journal) == 20
    assert desk.told[-1] == ("index", 20, 20)


def test_the_same_seed_gives_the_same_shuffled_index(faces: Path, desk: Desk) -> None:
    rows = desk.build(faces).rows
    assert desk.build(faces).rows == rows
    assert desk.build(faces, seed=1).rows != rows
    assert rows != sorted(rows, key=lambda row: row.path)
    assert len(desk.journal) == 20  # nothing was measured again


def test_findings_turn_to_json_and_back_to_words(faces: Path, desk: Desk) -> None:
    index = desk.build(faces)
    assert json.loads(index.findings.model_dump_json())["layout"] == "table"
    text = describe(index)
    assert "layout: table" in text
    for split in SPLITS:
        assert f"{index.findings.counts[split]['fake']} fake" in text


def test_all_cheap_faults_are_told_before_anything_is_measured(faces: Path, desk: Desk) -> None:
    (faces / "notes.txt").touch()
    add(faces, "gone.png,real,x", "real/0.png,maybe,x", "../out.png,fake,x", "notes.txt,real,x")
    add(faces, "real/1.png,real,1")
    with pytest.raises(UserError) as error:
        desk.build(faces)
    for what in ("gone.png", "'maybe'", "../out.png", "notes.txt", "more than once", "line 23"):
        assert what in str(error.value)
    assert "\n" not in str(error.value)
    assert not desk.journal


def test_a_broken_file_is_left_out_and_told(faces: Path, desk: Desk) -> None:
    (faces / "real" / "3.png").write_bytes(b"")
    index = desk.build(faces)
    [row] = [row for row in index.rows if row.split == UNUSED]
    assert row.path == "real/3.png"
    assert row.note
    assert index.findings.unreadable == {"real/3.png": row.note}
    assert "real/3.png" in describe(index)


def test_too_many_broken_files_are_a_fault(faces: Path, desk: Desk) -> None:
    for person in range(5):
        (faces / "real" / f"{person}.png").write_bytes(b"")
    with pytest.raises(UserError, match=r"too few real .* 5, and at least 8"):
        desk.build(faces)


def test_a_copy_counts_once(faces: Path, desk: Desk) -> None:
    shutil.copy(faces / "real" / "3.png", faces / "copy.png")
    add(faces, "copy.png,real,9")
    index = desk.build(faces)
    [row] = [row for row in index.rows if row.split == UNUSED]
    assert (row.path, row.note) == ("copy.png", "the same bytes as real/3.png")
    assert index.findings.duplicates.exact_examples == [("copy.png", "real/3.png")]
    assert index.findings.unused == {"the same bytes as another": 1}


def test_the_same_bytes_with_two_labels_are_a_fault(faces: Path, desk: Desk) -> None:
    shutil.copy(faces / "real" / "3.png", faces / "fake" / "4.png")
    with pytest.raises(UserError, match=r"labelled real and fake.*4\.png"):
        desk.build(faces)


def test_near_copies_are_counted_and_kept_in_one_split(faces: Path, desk: Desk) -> None:
    for person in range(0, 10, 2):  # other bytes, the same picture
        content = (faces / "real" / f"{person}.png").read_bytes() + b"more"
        (faces / "fake" / f"{person + 1}.png").write_bytes(content)
    index = desk.build(faces)
    assert index.findings.duplicates.near_across_labels == 5
    assert index.findings.duplicates.near_within_label == 0
    splits = {row.path: row.split for row in index.rows}
    for person in range(0, 10, 2):
        assert splits[f"real/{person}.png"] == splits[f"fake/{person + 1}.png"]
    assert index.findings.leaks == []


def test_one_label_only_is_a_fault_that_names_the_way_out(
    tmp_path: Path, desk: Desk, make_image: MakeImage
) -> None:
    for number in range(10):
        make_image(tmp_path / "real" / f"{number}.png", number)
    with pytest.raises(UserError, match=r"too few fake .*--forge"):
        desk.build(tmp_path)
    with pytest.raises(UserError, match="too few fake"):
        desk.build_evaluation(tmp_path)
    assert not desk.journal


def test_with_reals_only_every_real_is_forged_in_its_own_split(
    tmp_path: Path, desk: Desk, make_image: MakeImage
) -> None:
    for number in range(10):
        make_image(tmp_path / "data" / "real" / f"{number}.png", number)
    rows = desk.build(tmp_path / "data", forge=True).rows
    fakes = {row.path: row for row in rows if row.fake}
    assert len(fakes) == len({row.forge for row in fakes.values()}) == 10
    for row in rows:
        forged = fakes[row.path]
        assert (forged.split, forged.pair, forged.method) == (row.split, row.path, "self-blended")
        assert 0 < forged.forge < 2**31


def test_with_fakes_there_only_training_is_forged(faces: Path, desk: Desk) -> None:
    index = desk.build(faces, forge=True)
    assert {row.split for row in index.rows if row.forge} == {TRAIN}
    counts = Counter((row.label, bool(row.forge)) for row in index.rows if row.split == TRAIN)
    assert counts[FAKE, True] == counts[REAL, False] > 0


def test_an_index_with_forged_rows_is_a_data_set_again(faces: Path, desk: Desk) -> None:
    index = desk.build(faces, forge=True)
    (faces / "clips.csv").unlink()
    write_index(faces / "index.csv", index.rows)
    again = desk.build(faces, forge=True)
    assert sorted(again.rows, key=str) == sorted(read_index(faces / "index.csv"), key=str)
    assert again.findings.duplicates.near_across_labels == 0  # forged copies do not count


def test_a_leaking_split_that_was_asked_for_is_named_in_the_findings(
    faces: Path, desk: Desk
) -> None:
    lines = (faces / "clips.csv").read_text().splitlines()
    names = ["split", *["train"] * 10, *["val"] * 5, *["test"] * 5]
    together = [f"{line},{name}" for line, name in zip(lines, names, strict=True)]
    (faces / "clips.csv").write_text("\n".join(together))
    index = desk.build(faces, split="given")
    assert index.findings.leaks == ["the identity 7 is in val and test"]
    assert "leak: the identity 7" in describe(index)
    assert desk.build(faces).findings.leaks == []


def test_what_a_recipe_asks_in_vain_is_told_before_anything_is_measured(
    faces: Path, desk: Desk
) -> None:
    with pytest.raises(UserError, match="use --split auto"):
        desk.build(faces, split="given")
    with pytest.raises(UserError, match="below 1"):
        desk.build(faces, val=0.5, test=0.5)
    assert not desk.journal


def test_splits_with_too_few_people_are_a_fault(faces: Path, desk: Desk) -> None:
    text = (faces / "clips.csv").read_text()
    one = [",".join([*line.split(",")[:2], "anna"]) for line in text.splitlines()[1:]]
    (faces / "clips.csv").write_text("\n".join(["path,label,group", *one]))
    with pytest.raises(UserError, match=r"too little in them .*add more people"):
        desk.build(faces)


def test_an_evaluation_takes_everything_as_test(faces: Path, desk: Desk) -> None:
    (faces / "real" / "3.png").write_bytes(b"")
    index = desk.build_evaluation(faces)
    assert Counter(row.split for row in index.rows) == {"test": 19, UNUSED: 1}
    assert index.findings.counts["test"] == {"fake": 10, "real": 9}
    assert index.findings.leaks == []


def test_videos_and_images_may_lie_side_by_side(faces: Path, desk: Desk) -> None:
    numbered_clip(faces / "film.mp4", 12)
    add(faces, "film.mp4,real,film")
    [film] = [row for row in desk.build(faces).rows if row.path == "film.mp4"]
    assert (film.kind, film.seconds) == ("video", pytest.approx(0.48))
    assert film.split in SPLITS


def with_splits(faces: Path) -> None:
    """The first six people are train, the others val."""
    table = faces / "clips.csv"
    header, *lines = table.read_text().splitlines()
    split = [f"{line},{'train' if int(line[-1]) < 6 else 'val'}" for line in lines]
    table.write_text("\n".join([f"{header},split", *split]) + "\n")


def test_an_evaluation_of_one_split_judges_nothing_else(faces: Path, desk: Desk) -> None:
    with_splits(faces)
    index = desk.build_evaluation(faces, "val")
    assert index.findings.unused == {"in another of its splits": 12}
    assert not index.findings.unreadable
    rows = index.rows
    assert {row.group for row in rows if row.split == "test"} == {"6", "7", "8", "9"}
    assert {row.note for row in rows if row.split == UNUSED} == {"not in the split val"}


def test_an_evaluation_of_a_split_that_is_not_there_names_those_that_are(
    faces: Path, desk: Desk
) -> None:
    with_splits(faces)
    with pytest.raises(UserError, match=r"no such split.*test.*has: train, val"):
        desk.build_evaluation(faces, "test")
