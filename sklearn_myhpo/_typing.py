"""Types of the parameters that several public signatures share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
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
    | None
)
#: The parameter `feature_groups`; pairs are of a name and columns.
GroupsLike: TypeAlias = str | ArrayLike | Sequence[tuple[str, Any]] | None
#: The parameter `penalty_factors`; pairs are of columns and a factor.
FactorsLike: TypeAlias = ArrayLike | Sequence[tuple[Any, float]] | None
#: The parameter `lambda_init`; a dict is from names of groups to numbers.
LambdaInitLike: TypeAlias = Literal["auto"] | float | dict[Any, float] | ArrayLike
#: The parameter `lambda_bounds`; a dict is from names of groups to bounds.
LambdaBoundsLike: TypeAlias = (
    Literal["auto"]
    | tuple[float, float]
    | dict[Any, Literal["auto"] | tuple[float, float]]
)
#: The parameter `class_weight`.
ClassWeightLike: TypeAlias = Literal["balanced"] | Mapping[Any, float] | None
#: The parameter `random_state`.
RandomStateLike: TypeAlias = int | np.random.RandomState | None
#: The parameter `scoring`: a name, a scorer, several names, or scorers by name.
ScoringLike: TypeAlias = (
    str
    | Callable[..., Any]
    | Sequence[str]
    | set[str]
    | Mapping[str, str | Callable[..., Any]]
    | None
)
#: A number, or a choice by the package.
AutoFloat: TypeAlias = Literal["auto"] | float
