"""Arrays of other libraries: which are accepted, their devices, and transfers."""

from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from sklearn import get_config

from ..._messages import shown
from ..dask.blocks import is_dask
from ..streams.batches import Batches

#: Ends of the messages about arrays that are too large for a device.
_SMALLER = (
    "Use X in float32, which takes half of the memory, or fewer columns; or give the "
    "rows in parts that fit, as sklearn_myhpo.data.Batches of NumPy arrays."
)


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
        except (TypeError, ValueError, RuntimeError):
            # Some devices, such as those of Apple, have no double precision.
            double = xp.float32
        return cls(xp, device, double)

    def put(self, array):
        """Return numbers of the host as an array here, floating ones as `double`."""
        array = np.asarray(array, order="C")
        if array.dtype.kind != "f":
            return self.xp.asarray(array, device=self.device)
        if self.double == self.xp.float32:
            array = array.astype(np.float32)
        return self.xp.asarray(array, device=self.device, dtype=self.double)

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

    def linalg(self, name):
        """Return a function of the extension for linear algebra."""
        found = getattr(getattr(self.xp, "linalg", None), name, None)
        if found is None:
            raise ValueError(
                f"The namespace {self.name} has no linalg.{name} of the array API, "
                "which this fit needs for features that nearly depend on each other. "
                "Use an array of PyTorch, CuPy or NumPy."
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
        return array.detach().cpu().numpy()
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


def check_tensor(X):
    """Raise if an array of another library is not one of real numbers for X.

    Parameters
    ----------
    X : array

    Raises
    ------
    TypeError, ValueError
        If X has other numbers than float32 or float64, or gradients are recorded.
    """
    home = Home.of(X)
    xp = home.xp
    if X.dtype not in (xp.float32, home.double):
        kind = "complex" if xp.isdtype(X.dtype, "complex floating") else "other"
        advice = "Give its real and imaginary parts as columns."
        if kind == "other":
            advice = f"Convert it: {home.name}.asarray(X, dtype={home.name}.float32)."
        raise TypeError(
            f"X of {home.name} must have the dtype float32 or float64. Got {X.dtype}. "
            + advice
        )
    check_no_gradient(X, "X")
    if len(X.shape) != 2:
        raise ValueError(f"X must have two axes. Got the shape {tuple(X.shape)}.")
    if X.shape[0] * X.shape[1] and not bool(xp.isfinite(xp.sum(home.precise(X)))):
        _check_each(X, xp)


def _check_each(X, xp):
    """Raise a ValueError if an entry is not finite: then their sum is not."""
    if bool(xp.any(xp.isnan(X))):
        raise ValueError("Input X contains NaN.")
    if bool(xp.any(xp.isinf(X))):
        raise ValueError("Input X contains infinity.")


def check_no_gradient(array, name):
    """Raise a ValueError if PyTorch records gradients of an array."""
    if getattr(array, "requires_grad", False):
        raise ValueError(
            f"{name} requires gradients (requires_grad=True), which fits and "
            f"predictions do not support. Use {name}.detach()."
        )


@contextmanager
def memory_advice():
    """Raise an error with advice if a device has too little memory."""
    try:
        yield
    except Exception as error:
        is_full = isinstance(error, MemoryError)
        if not (is_full or type(error).__name__ == "OutOfMemoryError"):
            raise
        raise MemoryError(f"{shown(str(error))} {_SMALLER}") from error
