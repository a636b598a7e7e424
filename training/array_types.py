"""The arrays that training passes around, by name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.bool_]  # (videos,): True is fake
VideoValues = NDArray[Any]  # (videos,)
Floats32 = NDArray[np.float32]
