"""Each layout of a data set, on a tiny tree of empty files: nothing but names is looked at."""

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from ddaemon.storage.errors import UserError
from ddaemon.training.datasets.layouts import LAYOUTS, find_layout, root_of
from ddaemon.training.datasets.media import fault_of
from ddaemon.training.datasets.remarks import Remarks
from ddaemon.training.datasets.rows import FAKE, REAL, Row, write_index


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def read(dataset: Path) -> dict[str, Row]:
    remarks = Remarks()
    rows = find_layout(dataset).read(dataset, remarks)
    remarks.raise_faults(dataset)
    return {row.path: row for row in rows}


def celeb_df(folder: Path) -> Path:
    touch(folder, "Celeb-real/id0_0000.mp4", "Celeb-real/id1_0002.mp4", "YouTube-real/00007.mp4")
    touch(folder, "Celeb-synthesis/id0_id1_0000.mp4", "Celeb-synthesis/id1_id0_0009.mp4")
    (folder / "List_of_testing_videos.txt").write_text(
        "1 Celeb-real/id1_0002.mp4\n0 Celeb-synthesis/id1_id0_0009.mp4\n1 YouTube-real/00999.mp4\n"
    )
    return folder


def faceforensics(folder: Path) -> Path:
    real, fake = "original_sequences", "manipulated_sequences"
    touch(folder, f"{real}/youtube/c23/videos/000.mp4", f"{real}/youtube/c40/videos/000.mp4")
    touch(folder, f"{real}/actors/c23/videos/01__walking.mp4")
    touch(folder, f"{fake}/Deepfakes/c23/videos/000_003.mp4")
    touch(folder, f"{fake}/Deepfakes/c23/masks/000_003.mp4")
    touch(folder, f"{fake}/DeepFakeDetection/c23/videos/01_02__walking__YVGY8LOK.mp4")
    (folder / "splits").mkdir()
    (folder / "splits" / "test.json").write_text('[["000", "003"], ["990", "991"]]')
    (folder / "train.json").write_text("[]")
    return folder


def dfdc(folder: Path) -> Path:
    for part, entries in {
        "dfdc_train_part_0": {
            "a.mp4": {"label": "REAL", "split": "train"},
            "b.mp4": {"label": "FAKE", "split": "train", "original": "a.mp4"},
        },
        "dfdc_train_part_1": {"c.mp4": {"label": "FAKE", "split": "train", "original": "z.mp4"}},
    }.items():
        touch(folder, *(f"{part}/{name}" for name in entries))
        (folder / part / "metadata.json").write_text(json.dumps(entries))
    return folder


def tree(folder: Path) -> Path:
    return touch(folder, "Real/deep/a.mp4", "Real/notes.txt", "Real/.b.mp4", "fake/a.PNG")


def table(folder: Path) -> Path:
    touch(folder, "x/a.mp4", "x/b.jpg")
    (folder / "clips.csv").write_text(
        "\ufeffPath,Label,group,donor,split,method,pair\n"
        "x/a.mp4,FAKE,anna,bea,test,swap,some\nx/b.jpg,1,,,dev,,\n",
        encoding="utf-8",
    )
    return folder


TREES = {"Celeb-DF": celeb_df, "FaceForensics++": faceforensics, "DFDC": dfdc} | {
    "plain tree": tree,
    "table": table,
}


@pytest.mark.parametrize("name", TREES)
def test_a_layout_is_recognised_and_reads_files_that_are_there(name: str, tmp_path: Path) -> None:
    dataset = TREES[name](tmp_path)
    assert find_layout(dataset).name == name
    rows = read(dataset)
    assert {row.label for row in rows.values()} == {FAKE, REAL}
    assert all(row.group and fault_of(root_of(dataset), path) is None for path, row in rows.items())
    assert list(rows) == list(read(dataset))


def test_every_layout_is_tested_here() -> None:
    assert {layout.name for layout in LAYOUTS} == set(TREES)


def test_what_has_no_layout_is_told_them_all(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        find_layout(touch(tmp_path, "some/video.mp4"))
    assert all(layout.name in str(error.value) for layout in LAYOUTS)
    with pytest.raises(UserError, match="there is no"):
        find_layout(tmp_path / "nothing")


def test_celeb_df_names_tell_who_wears_whose_face(tmp_path: Path) -> None:
    rows = read(celeb_df(tmp_path))
    assert rows["Celeb-synthesis/id0_id1_0000.mp4"] == Row(
        "Celeb-synthesis/id0_id1_0000.mp4",
        FAKE,
        "id0",
        "id1",
        method="Celeb-synthesis",
        pair="Celeb-real/id0_0000.mp4",
    )
    assert rows["Celeb-real/id0_0000.mp4"].group == "id0"
    assert rows["Celeb-synthesis/id1_id0_0009.mp4"].pair == ""
    assert rows["YouTube-real/00007.mp4"].group not in ("id0", "id1")


def test_celeb_dfs_list_says_what_is_test(tmp_path: Path) -> None:
    tests = {path for path, row in read(celeb_df(tmp_path)).items() if row.split == "test"}
    assert tests == {"Celeb-real/id1_0002.mp4", "Celeb-synthesis/id1_id0_0009.mp4"}
    assert read(tmp_path)["Celeb-real/id0_0000.mp4"].split == ""


def test_celeb_df_tells_all_its_faults_at_once(tmp_path: Path) -> None:
    touch(celeb_df(tmp_path), "Celeb-real/holiday.mp4", "Celeb-synthesis/id0_0001.mp4")
    (tmp_path / "List_of_testing_videos.txt").write_text("0 Celeb-real/id1_0002.mp4\nnonsense\n")
    with pytest.raises(UserError) as error:
        read(tmp_path)
    for what in ("holiday", "Celeb-synthesis/id0_0001", "contradict the folder", "line 2"):
        assert what in str(error.value)


def test_faceforensics_tells_target_source_and_method(tmp_path: Path) -> None:
    rows = read(faceforensics(tmp_path))
    assert len(rows) == 5
    fake = rows["manipulated_sequences/Deepfakes/c23/videos/000_003.mp4"]
    assert (fake.group, fake.donor, fake.method) == ("youtube-000", "youtube-003", "Deepfakes")
    assert fake.pair == "original_sequences/youtube/c23/videos/000.mp4"
    assert fake.split == "test"
    assert rows["original_sequences/youtube/c40/videos/000.mp4"].group == fake.group


def test_faceforensics_actors_are_not_mistaken_for_youtube_videos(tmp_path: Path) -> None:
    rows = read(faceforensics(tmp_path))
    name = "manipulated_sequences/DeepFakeDetection/c23/videos/01_02__walking__YVGY8LOK.mp4"
    assert (rows[name].group, rows[name].donor) == ("actors-01", "actors-02")
    assert rows[name].pair == "original_sequences/actors/c23/videos/01__walking.mp4"
    assert rows[name].split == ""


def test_a_broken_split_file_is_a_fault(tmp_path: Path) -> None:
    (faceforensics(tmp_path) / "val.json").write_text('["000"]')
    with pytest.raises(UserError, match=r"val\.json"):
        read(tmp_path)


def test_a_dfdc_fake_is_in_its_originals_group(tmp_path: Path) -> None:
    rows = read(dfdc(tmp_path))
    assert rows["dfdc_train_part_0/b.mp4"].group == rows["dfdc_train_part_0/a.mp4"].group
    assert rows["dfdc_train_part_0/b.mp4"].pair == "dfdc_train_part_0/a.mp4"
    assert (rows["dfdc_train_part_1/c.mp4"].group, rows["dfdc_train_part_1/c.mp4"].pair) == (
        "z.mp4",
        "",
    )
    assert {row.split for row in rows.values()} == {""}  # all "train" is no split


def test_one_part_of_dfdc_is_a_data_set(tmp_path: Path) -> None:
    assert set(read(dfdc(tmp_path) / "dfdc_train_part_0")) == {"a.mp4", "b.mp4"}


def test_odd_entries_of_dfdc_are_named(tmp_path: Path) -> None:
    (dfdc(tmp_path) / "dfdc_train_part_0" / "metadata.json").write_text('{"a.mp4": {"label": 7}}')
    (tmp_path / "dfdc_train_part_1" / "metadata.json").write_text("{")
    with pytest.raises(UserError) as error:
        read(tmp_path)
    assert "a.mp4.label" in str(error.value)
    assert "dfdc_train_part_1/metadata.json" in str(error.value)


def test_a_tree_takes_videos_and_images_at_any_depth(tmp_path: Path) -> None:
    rows = read(tree(tmp_path))
    assert {path: row.kind for path, row in rows.items()} == {
        "Real/deep/a.mp4": "video",
        "fake/a.PNG": "image",
    }


def test_a_table_says_what_its_columns_say(tmp_path: Path) -> None:
    rows = read(table(tmp_path))
    assert rows["x/a.mp4"] == Row(
        "x/a.mp4", FAKE, "anna", "bea", "test", "video", method="swap", pair="some"
    )
    assert rows["x/b.jpg"] == Row("x/b.jpg", REAL, "x/b.jpg", kind="image")  # dev is no split


def test_a_tables_kind_is_the_method_unless_it_is_that_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("path,label,kind,method\na.mp4,0,swap,X\nb.mp4,0,video,Y\n")
    assert [row.method for row in read(tmp_path).values()] == ["swap", "Y"]


def test_several_tables_are_not_guessed_between(tmp_path: Path) -> None:
    table(tmp_path)
    (tmp_path / "notes.csv").write_text("who,when\n")
    assert read(tmp_path) == read(tmp_path / "clips.csv")
    (tmp_path / "other.csv").write_text("path,label\n")
    with pytest.raises(UserError, match=r"clips\.csv, other\.csv.*pass the CSV itself"):
        read(tmp_path)


def test_a_tables_wrong_lines_are_named_by_number(tmp_path: Path) -> None:
    lines = "\n".join(f"{n}.mp4,maybe" for n in range(30))
    (tmp_path / "t.csv").write_text(f'path,label,note\na.mp4,real,"two\nlines"\n,fake\n{lines}\n')
    with pytest.raises(UserError) as error:
        read(tmp_path)
    assert "without a path (1): line 4" in str(error.value)
    assert "(30): line 5: 'maybe'" in str(error.value)
    assert "and 10 more" in str(error.value)
    assert "line 25" not in str(error.value)


def zipped(file: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_a_table_names_images_in_archives(tmp_path: Path) -> None:
    zipped(tmp_path / "f0.zip", {"a.jpg": ""})
    zipped(tmp_path / "f1.zip", {"b.jpg": ""})
    (tmp_path / "faces.csv").write_text("archive,file,label\nf0.zip,a.jpg,real\nf1.zip,b.jpg,0\n")
    assert list(read(tmp_path)) == ["f0.zip/a.jpg", "f1.zip/b.jpg"]
    assert list(read(tmp_path / "f1.zip")) == ["f1.zip/b.jpg"]  # the table lies beside it


@pytest.mark.parametrize("inside", ["", "faces/"])
def test_a_zip_may_hold_its_table(inside: str, tmp_path: Path) -> None:
    members = {f"{inside}a.jpg": "", f"{inside}faces.csv": "file,label\na.jpg,fake\n"}
    dataset = zipped(tmp_path / "f.zip", members)
    assert list(read(dataset)) == [f"f.zip/{inside}a.jpg"]
    assert fault_of(root_of(dataset), f"f.zip/{inside}a.jpg") is None


def test_an_index_that_we_wrote_is_a_data_set_again(tmp_path: Path) -> None:
    rows = [
        Row("a.mp4", REAL, "anna", split="train"),
        Row("a.mp4", FAKE, "anna", split="train", forge=17, method="self-blended", pair="a.mp4"),
        Row("b.jpg", FAKE, "bea", "anna", "unused", "image", note="why"),
    ]
    write_index(tmp_path / "index.csv", rows)
    again = find_layout(tmp_path).read(tmp_path, Remarks())
    assert again == [*rows[:2], rows[2].but(split="", note="")]


@pytest.mark.parametrize("make", TREES.values())
def test_reading_a_layout_changes_nothing(make: Callable[[Path], Path], tmp_path: Path) -> None:
    make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    read(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_tables_are_read_with_commas_in_quotes(tmp_path: Path) -> None:
    with (tmp_path / "t.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows([("path", "label", "group"), ("a,b.mp4", "real", 'x "y", z')])
    assert read(tmp_path)["a,b.mp4"].group == 'x "y", z'
