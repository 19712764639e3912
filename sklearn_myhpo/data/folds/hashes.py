"""Hashes of numbers and texts that are the same in every run and on every machine."""

from datetime import UTC, date, datetime

import numpy as np

from ..._messages import shown
from ..blocks import slices

#: Constants of SplitMix64 (Steele, Lea and Flood 2014).
_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
#: Integers up to here are floats without rounding.
_EXACT = 2**53
#: Types without a missing value.
_NEVER_MISSING = frozenset({str, bytes, bool, int, date, datetime})


def mix(bits):
    """Return well mixed bits of 64-bit numbers, an array of uint64."""
    with np.errstate(over="ignore"):
        bits = bits + _GAMMA
        bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
        bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
        return bits ^ (bits >> np.uint64(31))


def uniform(bits):
    """Return numbers in [0, 1) of mixed bits."""
    return (bits >> np.uint64(11)) * 2.0**-53


def hash_keys(values, name):
    """Return a hash for every key, equal for equal keys.

    Parameters
    ----------
    values : array-like of shape (n_rows,) or (n_rows, 1)
        Numbers, truth values, dates or texts; 5 and 5.0 are the same key.
    name : str
        Name of the keys in messages.

    Returns
    -------
    ndarray of uint64 of shape (n_rows,)

    Raises
    ------
    ValueError
        If a key is missing, of several columns or of another type.
    """
    values = as_keys(values)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    if values.ndim != 1:
        raise ValueError(
            f"{name} must be one key for every row. Got the shape {values.shape}."
        )
    if values.dtype.kind in "OT":
        values = _of_objects(values, name)
    kind = values.dtype.kind
    if kind in "mM":
        _check_missing(np.isnat(values), name)
        values, kind = values.astype("M8[ns]" if kind == "M" else "m8[ns]"), "i"
        return mix(values.view(np.uint64))
    if kind == "f":
        _check_missing(np.isnan(values), name)
        return mix(_of_floats(values))
    if kind in "biu":
        bits = _of_floats(values)
        if kind in "iu" and values.itemsize == 8:
            large = (values > _EXACT) | (values < -_EXACT)
            bits[large] = values[large].astype(np.uint64)
        return mix(bits)
    if kind not in "US":
        raise ValueError(
            f"{name} must hold numbers, dates or texts. Got the type {values.dtype}."
        )
    return mix(_of_texts(values))


def as_keys(values):
    """Return an array; one of objects where NumPy would write numbers as texts."""
    found = np.asarray(values)
    if found.dtype.kind in "US" and not hasattr(values, "dtype"):
        return np.asarray(values, dtype=object)
    return found


def _of_floats(values):
    """Return the bits of numbers in double precision; those of -0 are those of 0."""
    return (values.astype(np.float64) + 0.0).view(np.uint64)


def _of_texts(values):
    """Return the sums of the characters of texts, each with a factor of its place.

    Nothing is added beyond the end of a text, however wide the array is.
    """
    width = values.dtype.itemsize
    values = np.ascontiguousarray(values)
    if values.dtype.kind == "U":
        width, code = width // 4, np.dtype(np.uint32)
        code = code.newbyteorder(values.dtype.byteorder)
    else:
        code = np.dtype(np.uint8)
    codes = values.view(code).reshape(len(values), width)
    factors, found = odd_factors(width), np.empty(len(values), dtype=np.uint64)
    for rows in slices(len(values), width, cached=True):
        own = codes[rows].astype(np.uint64)
        np.einsum("ij,j->i", own, factors, out=found[rows])
    return found


def odd_factors(n):
    """Return n odd numbers of 64 well mixed bits."""
    return mix(np.arange(n, dtype=np.uint64)) | np.uint64(1)


def _of_objects(values, name):
    """Return an array of one type from Python objects."""
    keys = values.tolist()
    types = set(map(type, keys))
    if types <= {str}:
        return np.array(keys)
    _check_missing(are_missing(keys), name)
    if all(issubclass(one, date) for one in types):
        return _of_dates(keys)
    try:
        found = np.array(keys)
    except ValueError:
        # Bytes beside texts, or sequences of several lengths.
        found = values
    is_text = [issubclass(one, str) for one in types]
    if found.ndim != 1:
        # Sequences of one length, such as tuples.
        found = values
    if found.dtype.kind not in "fiubmMUS" or any(is_text) != all(is_text):
        raise ValueError(
            f"{name} must hold numbers, dates or texts, of one kind. Got "
            f"{shown(values[:5])}."
        )
    return found


def are_missing(keys):
    """Return whether each object of a list is missing, an array of bool.

    Texts and dates are not looked at one by one, which would take longer than a fit.
    """
    if set(map(type, keys)) <= _NEVER_MISSING:
        return np.zeros(len(keys), dtype=bool)
    return np.array([is_missing(key) for key in keys], dtype=bool)


def is_missing(key):
    """Whether a key is None, not a number, or the missing value of pandas."""
    try:
        return key is None or bool(key != key)
    except (TypeError, ValueError):
        # A comparison with the missing value of pandas is neither true nor false.
        return type(key).__name__ == "NAType"


def _of_dates(values):
    """Return an array of dates and times, those with a time zone in that of UTC."""
    if set(map(type, values)) == {date}:
        return np.array(values, dtype="M8[D]").astype("M8[ns]")
    zones = [getattr(one, "tzinfo", None) for one in values]
    return np.array(
        [
            one if zone is None else one.astimezone(UTC).replace(tzinfo=None)
            for one, zone in zip(values, zones, strict=True)
        ],
        dtype="M8[ns]",
    )


def _check_missing(missing, name):
    """Raise a ValueError where a key is missing."""
    if missing.any():
        raise ValueError(
            f"{name} must have a key for every row. It is missing in row "
            f"{int(np.argmax(missing))} of those that come together."
        )
