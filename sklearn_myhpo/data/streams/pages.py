"""Pages of a memory-mapped file, released after reading."""

import mmap

import numpy as np

#: Number of batches that may still be in use.
_IN_USE = 2


class Pages:
    """The pages of an array, if it is a file that is mapped for reading only.

    The operating system keeps what it likes; but pages that are mapped count as memory
    of the process, which would seem to take as much as the file.

    Parameters
    ----------
    X : object
        Any array.
    """

    def __init__(self, X):
        self._map, self._first = None, 0
        can = hasattr(mmap, "MADV_DONTNEED") and isinstance(X, np.ndarray)
        if not (can and X.flags.c_contiguous and not X.flags.writeable and X.ndim == 2):
            return
        base = X
        while base is not None and not isinstance(base, mmap.mmap):
            base = getattr(base, "base", None)
        if base is None:
            return
        begin = np.frombuffer(base, dtype=np.uint8).ctypes.data
        self._map, self._offset = base, X.ctypes.data - begin
        self._row = X.strides[0]

    def release(self, start, size):
        """Release the pages before some rows, except those of the last batches.

        Parameters
        ----------
        start : int
            First row of the batch that was read last.
        size : int
            Rows of a batch.
        """
        if self._map is None:
            return
        end = self._offset + self._row * max(0, start - _IN_USE * size)
        end -= end % mmap.PAGESIZE
        if end > self._first:
            self._map.madvise(mmap.MADV_DONTNEED, self._first, end - self._first)
            self._first = end
