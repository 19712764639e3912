"""A namespace of the array API over NumPy that counts what goes to the host.

It stands for a device: its arrays cannot be converted but by `asarray` with the device
of the host, which notes how many entries went there.
"""

import sys
from types import SimpleNamespace

import numpy as np

#: Sizes of the arrays that went to the host, in their order.
COPIES = []
#: Whether the device has no double precision; tests change it.
IS_SINGLE = False

float32, float64, int64 = np.dtype("f4"), np.dtype("f8"), np.dtype("i8")


class Device(str):
    """A device, or the host as "CPU_DEVICE"."""


DEVICE = Device("device")
_BINARY = (
    *("add", "sub", "mul", "truediv", "matmul", "pow"),
    *("ge", "gt", "le", "lt", "eq"),
)


class Array:
    """An array that keeps to itself."""

    def __init__(self, values, device=DEVICE):
        self._values, self.device = np.asarray(values), device
        if IS_SINGLE and device != "CPU_DEVICE" and self._values.dtype == float64:
            raise TypeError("This device has no float64.")

    def __array_namespace__(self, *, api_version=None):
        return sys.modules[__name__]

    def __array__(self, dtype=None, copy=None):
        if self.device != "CPU_DEVICE":
            raise TypeError("This array does not leave its device.")
        return self._values

    def _scalar(self, kind):
        COPIES.append(1)
        return kind(self._values)

    def __float__(self):
        return self._scalar(float)

    def __bool__(self):
        return self._scalar(np.bool_).item()

    def __getitem__(self, key):
        return Array(self._values[_bare(key)])

    def to_device(self, device, /, *, stream=None):
        """Move to a device."""
        return asarray(self, device=device)

    @property
    def dtype(self):
        """Type of the entries."""
        return self._values.dtype

    @property
    def shape(self):
        """Shape."""
        return self._values.shape

    @property
    def ndim(self):
        """Number of axes."""
        return self._values.ndim

    @property
    def T(self):
        """Transposed."""
        return Array(self._values.T)

    def __neg__(self):
        return Array(-self._values)


def _bare(value):
    """Return the NumPy array of an `Array`, and other things as they are."""
    if isinstance(value, tuple):
        return tuple(map(_bare, value))
    if isinstance(value, np.ndarray):
        raise TypeError("Arrays of the host are no operands here.")
    return value._values if isinstance(value, Array) else value


def _operator(name):
    def own(self, other):
        return Array(getattr(self._values, name)(_bare(other)))

    return own


for _name in _BINARY:
    setattr(Array, f"__{_name}__", _operator(f"__{_name}__"))
    if _name in ("add", "sub", "mul", "truediv", "matmul", "pow"):
        setattr(Array, f"__r{_name}__", _operator(f"__r{_name}__"))


def asarray(values, *, dtype=None, device=None, copy=None):
    """Bring numbers to a device; to the host they are counted."""
    if isinstance(values, Array):
        if device == "CPU_DEVICE":
            COPIES.append(values._values.size)
        values = values._values
    values = np.array(values, dtype=dtype) if copy else np.asarray(values, dtype=dtype)
    return Array(values, DEVICE if device is None else device)


def _wrapped(function):
    def own(*args, device=None, **options):
        args = [
            [_bare(one) for one in arg] if isinstance(arg, list) else _bare(arg)
            for arg in args
        ]
        return Array(function(*args, **options))

    return own


for _name in (
    *("zeros", "ones", "sum", "mean", "max", "min", "abs", "exp", "expm1", "log"),
    *(
        "log1p",
        "tanh",
        "sqrt",
        "where",
        "stack",
        "take",
        "isfinite",
        "isnan",
        "isinf",
        "any",
    ),
    *("reshape", "broadcast_to", "minimum", "maximum", "argmax", "permute_dims"),
):
    globals()[_name] = _wrapped(getattr(np, _name.replace("permute_dims", "transpose")))

concat = _wrapped(np.concatenate)
finfo = np.finfo


def clip(x, min=None, max=None):
    """Return entries between two numbers."""
    return Array(np.clip(_bare(x), min, max))


def astype(x, dtype, *, copy=True):
    """Return entries of another type."""
    return Array(_bare(x).astype(dtype, copy=copy))


def isdtype(dtype, kind):
    """Whether a type is of a kind."""
    kinds = {"real floating": "f", "complex floating": "c", "integral": "iu"}
    kinds["bool"] = "b"
    return dtype.kind in "".join(kinds[one] for one in np.atleast_1d(kind))


def __array_namespace_info__():  # noqa: N807
    """Return what there is of types and devices."""
    types = {"float32": float32, "float64": float64}
    return SimpleNamespace(
        dtypes=lambda **options: types,
        devices=lambda: [DEVICE],
        default_device=lambda: DEVICE,
        capabilities=lambda: {},
    )


def _pair(function):
    def own(x, **options):
        return tuple(Array(one) for one in function(_bare(x), **options))

    return own


linalg = SimpleNamespace(
    qr=_pair(np.linalg.qr), eigh=_pair(np.linalg.eigh), inv=_wrapped(np.linalg.inv)
)
