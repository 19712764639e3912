"""Arrays of other libraries: which are accepted, their devices, and transfers."""

from typing import NamedTuple

import numpy as np
from sklearn import get_config

from ..dask.blocks import is_dask
from ..streams.batches import Batches


def is_tensor(X):
    """Whether X is an array of another library, and scikit-learn is to dispatch.

    Parameters
    ----------
    X : object

    Returns
    -------
    bool
        False unless ``sklearn.set_config(array_api_dispatch=True)``.
    """
    if isinstance(X, np.ndarray) or not get_config()["array_api_dispatch"]:
        return False
    return is_foreign(X)


def is_foreign(X):
    """Whether X is an array of the array API that is not NumPy's, nor Dask's."""
    if X is None or isinstance(X, np.ndarray | np.generic | Batches) or is_dask(X):
        return False
    compat = _compat()
    if compat is None:
        return False
    return compat.is_array_api_obj(X) and not compat.is_numpy_array(X)


def _compat():
    """Return array_api_compat, that of scikit-learn where it has one; or None."""
    try:
        from sklearn.externals import array_api_compat
    except ImportError:
        try:
            import array_api_compat
        except ImportError:
            return None
    return array_api_compat


#: Rows of a device without double precision whose products are added up at once.
SINGLE_ROWS = 2**10


class Compensated:
    """A sum in single precision, and what rounding has taken from it.

    Parameters
    ----------
    value, rest : array
    """

    def __init__(self, value, rest):
        self.value, self.rest = value, rest

    def __add__(self, other):
        """Return the sum of both; Knuth's, which loses nothing of it."""
        total = self.value + other.value
        own = total - self.value
        rest = (self.value - (total - own)) + (other.value - own)
        return Compensated(total, rest + self.rest + other.rest)

    def fetched(self):
        """Return the sum on the host, in double precision."""
        return to_host(self.value).astype(np.float64) + to_host(self.rest)


class Home(NamedTuple):
    """The library and device of an array.

    Attributes
    ----------
    xp : module
        Namespace of the array API.
    device : object
    double : dtype
        The most precise floating point numbers of the device.
    """

    xp: object
    device: object
    double: object

    @classmethod
    def of(cls, array):
        """Return the home of an array."""
        compat = _compat()
        xp, device = compat.array_namespace(array), compat.device(array)
        try:
            xp.zeros(1, dtype=xp.float64, device=device)
            double = xp.float64
        except (AttributeError, TypeError, ValueError, RuntimeError):
            # Some devices, such as those of Apple, have no double precision.
            double = xp.float32
        return cls(xp, device, double)

    def put(self, array):
        """Return numbers of the host as an array here, floating ones as `double`."""
        array = np.asarray(array, order="C")
        if array.dtype.kind != "f":
            return self.xp.asarray(array, device=self.device)
        if self.is_single:
            array = array.astype(np.float32)
        return self.xp.asarray(array, device=self.device, dtype=self.double)

    @property
    def is_single(self):
        """Whether the device has no double precision."""
        return self.double == self.xp.float32

    def put_parts(self, row):
        """Return rows (1, k) whose sum is a row of the host, (k,); none for zeros.

        In single precision two of them, so that what is subtracted has all its digits.
        """
        if not row.any():
            return []
        first = self.put(row[None])
        if not self.is_single:
            return [first]
        return [first, self.put(row[None] - row[None].astype(np.float32))]

    def products(self, left, right):
        """Return ``left' right`` of rows (n, a) and (n, b), summed with care.

        In single precision of few rows at a time: a library may add up the products of
        all rows one after another, and lose digits with their number.
        """
        xp, n_rows = self.xp, left.shape[0]
        if not self.is_single or n_rows <= SINGLE_ROWS:
            return left.T @ right
        whole = n_rows - n_rows % SINGLE_ROWS
        parts = [
            xp.reshape(one[:whole, :], (-1, SINGLE_ROWS, one.shape[1]))
            for one in (left, right)
        ]
        found = xp.sum(xp.permute_dims(parts[0], (0, 2, 1)) @ parts[1], axis=0)
        if whole < n_rows:
            found = found + left[whole:, :].T @ right[whole:, :]
        return found

    def total(self, array):
        """Return a sum over rows that others are to be added to, with care."""
        if not self.is_single:
            return array
        rest = self.xp.zeros(array.shape, dtype=array.dtype, device=self.device)
        return Compensated(array, rest)

    def put_index(self, index):
        """Return row numbers as an array here."""
        index = np.ascontiguousarray(index, dtype=np.int64)
        return self.xp.asarray(index, device=self.device)

    def precise(self, array):
        """Return an array of this home as `double`."""
        return self.xp.astype(array, self.double, copy=False)

    def rows(self, X, index):
        """Return the rows of an index, which is a slice or an array of numbers."""
        if isinstance(index, slice):
            return X[index, ...]
        return self.xp.take(X, self.put_index(index), axis=0)

    def has(self, array):
        """Whether another array is on this device."""
        compat = _compat()
        if compat.array_namespace(array) is not self.xp:
            return False
        return compat.device(array) == self.device

    def linalg(self, name, what):
        """Return a function of the extension for linear algebra, needed for what."""
        found = getattr(getattr(self.xp, "linalg", None), name, None)
        if found is None:
            raise ValueError(
                f"The namespace {self.name} has no linalg.{name} of the array API, "
                f"which this fit needs for {what}. Use an array of PyTorch, CuPy or "
                "NumPy."
            )
        return found

    @property
    def name(self):
        """Name of the namespace in messages, as users import it."""
        name = self.xp.__name__
        return name.split("array_api_compat.")[-1]


def to_host(array):
    """Return an array of any library as a NumPy array: the only way to the host.

    Parameters
    ----------
    array : array

    Returns
    -------
    ndarray
    """
    compat = _compat()
    if isinstance(array, np.ndarray | np.generic):
        return np.asarray(array)
    if compat.is_torch_array(array):
        array = array.detach().cpu()
        # NumPy has no such numbers.
        is_brain = str(array.dtype) == "torch.bfloat16"
        return (array.float() if is_brain else array).numpy()
    if compat.is_cupy_array(array):
        return array.get()
    xp = compat.array_namespace(array)
    if hasattr(xp, "Device"):
        array = xp.asarray(array, device=xp.Device("CPU_DEVICE"))
    return np.asarray(array)


def on_host(value):
    """Return an array of another library as NumPy's, anything else as it is."""
    return to_host(value) if is_foreign(value) else value


def as_numpy(value):
    """Return an array as NumPy's, and one of another library without axes as number."""
    if not is_foreign(value):
        return value
    value = to_host(value)
    return value if value.ndim else value[()]


def fetched(value):
    """Return results of a task with NumPy arrays, in double precision.

    Parameters
    ----------
    value : object
        Arrays, also within lists, dicts and NamedTuples; or something with a method
        `fetched`.

    Returns
    -------
    object
        Of the same form.
    """
    if hasattr(value, "fetched"):
        return value.fetched()
    if isinstance(value, dict):
        return {key: fetched(one) for key, one in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*map(fetched, value))
    if isinstance(value, list | tuple):
        return type(value)(map(fetched, value))
    value = on_host(value)
    is_single = isinstance(value, np.ndarray) and value.dtype == np.float32
    return value.astype(np.float64) if is_single else value
