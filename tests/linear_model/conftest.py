"""Data sets that several test modules of the estimators read."""

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.preprocessing import StandardScaler


@pytest.fixture(scope="package")
def diabetes():
    """Features, and disease progression."""
    return load_diabetes(return_X_y=True)


@pytest.fixture(scope="package")
def cancer():
    """Standardized features, and two classes."""
    X, y = load_breast_cancer(return_X_y=True)
    return StandardScaler().fit_transform(X), y
