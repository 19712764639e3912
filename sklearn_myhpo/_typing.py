"""Types of the parameters that several public signatures share."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from sklearn.model_selection import BaseCrossValidator, BaseShuffleSplit

#: Features: an array, a frame, or a sparse matrix.
MatrixLike: TypeAlias = ArrayLike | sparse.spmatrix | sparse.sparray
#: The parameter `cv`; pairs are of training and validation rows.
CVLike: TypeAlias = (
    float
    | int
    | BaseCrossValidator
    | BaseShuffleSplit
    | Iterable[tuple[ArrayLike, ArrayLike]]
)
#: The parameter `feature_groups`; pairs are of a name and columns.
GroupsLike: TypeAlias = str | ArrayLike | Sequence[tuple[str, Any]] | None
#: The parameter `penalty_factors`; pairs are of columns and a factor.
FactorsLike: TypeAlias = ArrayLike | Sequence[tuple[Any, float]] | None
#: The parameter `class_weight`.
ClassWeightLike: TypeAlias = Literal["balanced"] | Mapping[Any, float] | None
#: The parameter `random_state`.
RandomStateLike: TypeAlias = int | np.random.RandomState | None
#: A number, or a choice by the package.
AutoFloat: TypeAlias = Literal["auto"] | float
