"""Times of factorizations on a device and on the host, by size.

From where the device is faster, `device_size` of `sklearn_myhpo.engine.limits` should
be.
"""

import time

import numpy as np

#: Seconds from which a fit or a factorization is not repeated.
LONG = 10.0
#: Rows of the symmetric matrices that are factored.
SIZES, QUICK_SIZES = (125, 250, 500, 1000, 2000, 4000), (125, 250, 500)


def factor_times(device, sizes):
    """Return seconds of factorizations by size, on the device and on the host.

    A matrix begins on the device and its factors end on the host, as in a fit.

    Parameters
    ----------
    device : str
    sizes : sequence of int

    Returns
    -------
    list of (int, dict of str to (float, float))
        Size; seconds on the device and on the host, by factorization.
    """
    import torch

    def here(name):
        own = getattr(torch.linalg, name)(matrix)
        for one in own if isinstance(own, tuple) else (own,):
            one.cpu()

    def away(name):
        getattr(np.linalg, name)(matrix.cpu().numpy())

    found = []
    for size in sizes:
        rows = np.random.default_rng(0).standard_normal((size, size))
        matrix = torch.asarray(rows @ rows.T / size + np.eye(size), device=device)
        pairs = {
            name: (_shortest(here, name), _shortest(away, name))
            for name in ("eigh", "cholesky")
        }
        found.append((size, pairs))
    return found


def _shortest(function, name):
    """Return the shortest time of some calls, the first one left out unless long."""
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        function(name)
        times.append(time.perf_counter() - begin)
        if times[-1] > LONG:
            break
    return min(times[1:] or times)


def print_factors(found):
    """Print the table of `factor_times`."""
    names = "rows", "eigh, device", "host", "Cholesky, device", "host"
    print("seconds of factorizations, matrix on the device and factors on the host")
    print("{:<8}{:>14}{:>10}{:>18}{:>10}".format(*names))
    for size, pairs in found:
        (eigh, own_eigh), (factor, own_factor) = pairs["eigh"], pairs["cholesky"]
        print(
            f"{size:<8}{eigh:>14.2g}{own_eigh:>10.2g}{factor:>18.2g}{own_factor:>10.2g}"
        )
    first = [size for size, pairs in found if pairs["eigh"][0] < pairs["eigh"][1]]
    start = f"from {first[0]} rows" if first else "at none of these sizes"
    print(f"eigh is faster on the device {start}", flush=True)
