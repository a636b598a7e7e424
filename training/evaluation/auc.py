"""The area under the ROC curve, where that one figure is all that is wanted."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def auc(scores: NDArray[Any], fake: NDArray[np.bool_]) -> float:
    """How often a fake scores higher than a real; both arguments are (videos,)."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(fake, scores))
