import numpy as np
import pytest

from ddaemon.storage.errors import UserError
from ddaemon.training.fitting.validation import measures


def test_the_measures_are_those_of_the_textbook():
    found = measures(np.array([2.0, -1.0, 0.5], np.float32), np.array([True, False, False]))
    losses = [np.log1p(np.exp(-2)), np.log1p(np.exp(-1)), np.log1p(np.exp(0.5))]
    assert found["val_loss"] == pytest.approx(np.mean(losses))
    assert found["val_accuracy"] == pytest.approx(2 / 3)
    assert found["val_auc"] == 1.0


def test_a_fit_that_ran_away_says_what_to_do():
    with pytest.raises(UserError, match=r"lower head\.rate"):
        measures(np.array([np.nan, 0.0], np.float32), np.array([True, False]))
