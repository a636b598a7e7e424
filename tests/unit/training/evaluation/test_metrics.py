import json
import time
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, brier_score_loss, classification_report

from ddaemon.tests.unit.training.evaluation.made_judgements import made
from ddaemon.training.evaluation.metrics import measure


def test_figures_are_those_of_scikit_learn():
    judged = made()
    called = judged.probability >= 0.5
    figures = measure(judged, seed=0, resamples=20)["figures"]
    assert figures["balanced_accuracy"]["value"] == pytest.approx(
        balanced_accuracy_score(judged.fake, called), abs=1e-4
    )
    assert figures["accuracy"]["value"] == pytest.approx((called == judged.fake).mean(), abs=1e-4)
    assert figures["brier"]["value"] == pytest.approx(
        brier_score_loss(judged.fake, judged.probability), abs=1e-4
    )


def test_the_classification_report_is_that_of_scikit_learn():
    judged = made()
    expected = classification_report(judged.fake, judged.probability >= 0.5, output_dict=True)
    found = measure(judged, seed=0, resamples=1)["classification_at_half"]
    for label, name in (("real", "False"), ("fake", "True")):
        assert found[label]["support"] == expected[name]["support"]
        assert found[label]["precision"] == pytest.approx(expected[name]["precision"], abs=1e-4)
        assert found[label]["f1"] == pytest.approx(expected[name]["f1-score"], abs=1e-4)


def test_precision_is_none_where_nothing_was_called_so():
    judged = made()
    judged = replace(judged, probability=np.full(len(judged.fake), 0.2))
    found = measure(judged, seed=0, resamples=1)["classification_at_half"]
    assert found["fake"]["precision"] is None
    assert found["fake"]["recall"] == 0


def test_every_value_lies_in_its_interval():
    figures = measure(made(), seed=0, resamples=100)["figures"]
    assert all(one["interval"][0] <= one["value"] <= one["interval"][1] for one in figures.values())
    assert figures["auc"]["interval"][0] < figures["auc"]["interval"][1]


def test_one_percent_of_few_reals_is_not_spoken_of():
    some = measure(made(videos=150), seed=0, resamples=10)["figures"]  # about 60 reals
    assert some["tpr_at_1_percent_fpr"]["value"] is None
    assert "needs 100" in some["tpr_at_1_percent_fpr"]["reason"]
    assert some["tpr_at_5_percent_fpr"]["value"] is not None
    few = measure(made(videos=25), seed=0, resamples=10)["figures"]  # about 10
    assert few["tpr_at_5_percent_fpr"]["value"] is None


def test_the_difference_is_paired():
    judged = made(noise=0.1)
    found = measure(judged, seed=0, resamples=200)
    ours = found["figures"]["auc"]["interval"]
    theirs = found["baselines"]["mean of per-frame scores"]
    low, high = theirs["auc_difference"]["interval"]
    assert high - low < 0.3 * (ours[1] - ours[0])
    assert theirs["auc_difference"]["value"] == pytest.approx(
        found["figures"]["auc"]["value"] - theirs["figures"]["auc"]["value"], abs=2e-4
    )


def test_decisions_are_counted_with_those_that_were_not_made():
    judged = made(videos=100)
    found = measure(judged, seed=0, resamples=1)
    table, fake = found["confusion"], np.array(judged.fake)
    assert sum(table["real"].values()) == (~fake).sum()
    assert sum(table["fake"].values()) == fake.sum()
    wrong = table["real"]["fake"] / (~fake).sum()
    assert found["decisions"]["reals_called_fake"]["value"] == pytest.approx(wrong, abs=1e-4)
    undecided = (table["real"]["inconclusive"] + table["fake"]["inconclusive"]) / 100
    assert found["decisions"]["inconclusive"]["value"] == pytest.approx(undecided, abs=1e-4)


def test_the_majority_class_has_the_accuracy_of_its_share():
    judged = made()
    found = measure(judged, seed=0, resamples=1)["majority_class"]
    assert found["says"] == "fake"
    assert found["accuracy"] == pytest.approx(judged.fake.mean(), abs=1e-4)
    assert (found["balanced_accuracy"], found["auc"]) == (0.5, 0.5)


def test_small_parts_are_counted_but_have_no_figure():
    judged = made(videos=200)
    sizes = ("under 64 px",) * 8 + ("64 to 127 px",) * 192
    found = measure(replace(judged, traits={"face size": sizes}), seed=0, resamples=10)
    small, large = found["traits"]["face size"]
    assert small["value"] == "under 64 px"
    assert small["real"] + small["fake"] == 8
    assert [small[name]["value"] for name in ("auc", "reals_called_fake", "inconclusive")] == [
        None,
        None,
        None,
    ]
    assert large["auc"]["value"] > 0.5


def test_fakes_of_a_method_are_ranked_against_all_reals():
    judged = made(videos=400)
    rows = measure(judged, seed=0, resamples=10)["traits"]["method"]
    assert [row["value"] for row in rows] == ["Deepfakes", "FaceSwap", "unknown"]
    assert {row["real"] for row in rows} == {(~judged.fake).sum()}
    assert sum(row["fake"] for row in rows) == judged.fake.sum()


def test_the_metrics_are_strict_json():
    json.dumps(measure(made(videos=20), seed=0, resamples=5), allow_nan=False)


def test_a_thousand_draws_of_three_thousand_videos_take_seconds():
    judged = replace(made(videos=3000), traits={})
    began = time.process_time()
    measure(judged, seed=0, resamples=1000)
    assert time.process_time() - began < 20


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"groups": ("a",)}, "groups"),
        ({"probability": np.full(300, 1.5)}, "between 0 and 1"),
        ({"probability": np.full(300, np.nan)}, "between 0 and 1"),
        ({"baselines": {"x": np.full(300, np.nan)}}, "not finite"),
        ({"decision": ("perhaps",) * 300}, "unknown decisions"),
    ],
)
def test_judgements_that_make_no_sense_are_refused(change, fault):
    with pytest.raises(ValueError, match=fault):
        made(**change)
