"""Nobody is in two splits, whatever the data set."""

from collections import Counter

import numpy as np
import pytest

from ddaemon.storage.errors import UserError
from ddaemon.training.datasets.identities import apart, find_identities
from ddaemon.training.datasets.leakage import find_leaks
from ddaemon.training.datasets.remarks import Remarks
from ddaemon.training.datasets.rows import FAKE, REAL, SPLITS, TEST, TRAIN, UNUSED, VAL, Row
from ddaemon.training.datasets.splits import APART, LEFT_OUT, decide_splits
from ddaemon.training.run.recipe import make_recipe


def people(count: int, each: int = 3, **fields: str) -> list[Row]:
    return [
        Row(f"{label}/{person}-{number}", label, f"p{person}", **fields)
        for person in range(count)
        for number in range(each)
        for label in (FAKE, REAL)
    ]


def decide(
    rows: list[Row], near: list[tuple[int, int]] | None = None, **flags: object
) -> tuple[list[Row], str, list[str]]:
    remarks = Remarks()
    decided, rule = decide_splits(rows, near or [], make_recipe(None, flags), remarks)
    return decided, rule, remarks.warnings


def splits_of(rows: list[Row], group: str) -> set[str]:
    return {row.split for row in rows if group in (row.group, row.donor)} - {UNUSED}


@pytest.mark.parametrize("seed", range(5))
def test_nobody_is_in_two_splits(seed: int) -> None:
    rows = people(40)
    decided, _, _ = decide(rows, seed=seed)
    assert all(len(splits_of(decided, f"p{person}")) == 1 for person in range(40))
    assert find_leaks(decided, []) == []
    assert {row.split for row in decided} == set(SPLITS)


def test_shares_of_both_labels_come_close_to_what_was_wanted() -> None:
    rows = people(60, 1) + [Row(f"x{n}", REAL, f"p{n % 7}") for n in range(200)]
    decided, _, _ = decide(rows, val=0.2, test=0.1)
    for label in (FAKE, REAL):
        counts = Counter(row.split for row in decided if row.label == label)
        total = sum(counts.values())
        assert abs(counts[VAL] / total - 0.2) < 0.06  # a seventh of them may be one person
        assert abs(counts[TEST] / total - 0.1) < 0.06


def test_the_split_is_the_same_for_the_same_seed_only() -> None:
    rows = people(40)
    assert decide(rows, seed=3) == decide(rows, seed=3)
    assert decide(rows, seed=3)[0] != decide(rows, seed=4)[0]


def test_near_duplicates_never_lie_in_two_splits() -> None:
    rows = people(30)
    near = [(n, n + 6) for n in range(0, 60, 12)]  # persons 0 and 1, 2 and 3, ...
    decided, _, _ = decide(rows, near)
    assert find_leaks(decided, near) == []
    assert len({decided[i].split for i, _ in near}) > 1


def test_swaps_in_pairs_cost_no_video() -> None:
    """As in FaceForensics++, where 000 and 003 wear each other's face."""
    rows = people(40, 1)
    rows += [Row(f"swap{n}", FAKE, f"p{n}", f"p{n ^ 1}") for n in range(40)]
    decided, _, _ = decide(rows)
    assert not [row for row in decided if row.split == UNUSED]
    assert find_leaks(decided, []) == []


def test_a_swap_between_people_of_two_splits_is_not_used() -> None:
    """As in Celeb-DF, where everybody wears everybody's face."""
    rows = [Row(f"real{n}-{k}", REAL, f"p{n}") for n in range(12) for k in range(3)]
    rows += [Row(f"s{n}-{k}", FAKE, f"p{n}", f"p{k}") for n in range(12) for k in range(12)]
    decided, _, _ = decide(rows, val=0.25, test=0.25)
    unused = [row for row in decided if row.split == UNUSED]
    assert {row.note for row in unused} == {APART}
    assert all(row.fake for row in unused)
    assert find_leaks(decided, []) == []
    for split in SPLITS:
        assert {row.label for row in decided if row.split == split} == {FAKE, REAL}


def test_a_donor_who_has_no_video_of_their_own_is_in_one_split_too() -> None:
    rows = people(20) + [Row(f"s{n}", FAKE, f"p{n}", "donor") for n in range(20)]
    decided, _, _ = decide(rows)
    assert len(splits_of(decided, "donor")) == 1


def test_a_donor_belongs_where_they_are_seen_most() -> None:
    rows = [Row(f"a{n}", FAKE, f"p{n}", "donor") for n in range(4)]
    people_of = find_identities(rows, [], join_donors=False)
    splits = np.array([0, 1, 1, 2])
    assert list(apart(people_of, splits)) == [True, False, False, True]


def given(train: int, val: int, test: int) -> list[Row]:
    rows = people(train + val + test)
    names = [TRAIN] * train + [VAL] * val + [TEST] * test
    return [row.but(split=names[int(row.group[1:])]) for row in rows]


def test_a_sound_split_of_the_data_set_is_kept() -> None:
    rows = given(10, 4, 4)
    assert decide(rows)[0] == rows
    assert decide(rows, split="group")[0] != rows


def test_a_missing_test_is_half_of_val() -> None:
    decided, rule, _ = decide(given(10, 8, 0))
    assert "test from val" in rule
    assert Counter(row.split for row in decided) == {TRAIN: 60, VAL: 24, TEST: 24}
    assert find_leaks(decided, []) == []


def test_a_missing_val_is_cut_from_train() -> None:
    decided, rule, _ = decide(given(20, 0, 5))
    assert "val from train" in rule
    counts = Counter(row.split for row in decided)
    assert counts[TEST] == 30
    assert 0.1 < counts[VAL] / len(decided) < 0.2


def test_a_data_set_that_names_its_test_only_learns_from_the_rest() -> None:
    rows = [row.but(split=row.split.replace(TRAIN, "")) for row in given(20, 0, 5)]
    assert decide(rows)[0] == decide(given(20, 0, 5))[0]


def test_a_leaking_split_is_replaced_and_named() -> None:
    rows = given(10, 4, 4)
    rows[0] = rows[0].but(split=TEST)
    decided, rule, [warning] = decide(rows)
    assert "by group" in rule
    assert "1 identities" in warning
    assert "p0" in warning
    assert "--split given" in warning
    assert find_leaks(decided, []) == []


def test_a_donor_in_another_split_is_a_leak() -> None:
    rows = given(10, 4, 4)
    rows[0] = rows[0].but(donor="p17")
    _, rule, warnings = decide(rows)
    assert "by group" in rule
    assert "p17" in warnings[0]


def test_a_leaking_split_is_used_when_it_is_asked_for() -> None:
    rows = given(10, 4, 4)
    rows[0] = rows[0].but(split=TEST)
    assert decide(rows, split="given")[0] == rows


def test_of_near_copies_in_two_given_splits_the_one_to_learn_from_goes() -> None:
    rows = given(10, 4, 4)
    decided, _, _ = decide(rows, [(0, len(rows) - 1)])
    assert decided[0].split == UNUSED
    assert rows[-1].path in decided[0].note
    assert decided[1:] == rows[1:]


def test_what_a_given_split_leaves_out_is_counted() -> None:
    rows = [*given(10, 4, 4), Row("extra", REAL, "q")]
    decided, _, [warning] = decide(rows)
    assert (decided[-1].split, decided[-1].note) == (UNUSED, LEFT_OUT)
    assert "leaves out 1" in warning


def test_shares_that_leave_nothing_to_learn_from_are_refused() -> None:
    with pytest.raises(UserError, match="below 1"):
        decide(people(20), val=0.5, test=0.5)


def test_leaks_are_named() -> None:
    rows = given(3, 1, 1)
    rows[0] = rows[0].but(sha256="a")
    rows[-1] = rows[-1].but(sha256="a", donor="p0")
    leaks = find_leaks(rows, [(0, len(rows) - 1), (0, 1)])
    assert leaks == [
        "the identity p0 is in train and test",
        f"{rows[0].path} and {rows[-1].path} have the same bytes and are in train and test",
        f"{rows[0].path} and {rows[-1].path} look the same and are in train and test",
    ]
