"""A more accurate Newton step, from the derivatives at the previous place.

The cubic through slopes and curvatures at two places has an error of fourth order in
the distances, where that of a Newton step is of second order.
"""

#: Newton iterations for the root of the cubic.
N_ITER = 10
#: Largest relative change of a step; a cubic that needs more is ignored.
MOST = 0.5


def share_of_step(before, here, step):
    """Return the factor of a step with which it ends at a root of the cubic.

    Parameters
    ----------
    before, here : (float, float, float)
        Place, first and second derivative there.
    step : float
        From `here`, not zero.

    Returns
    -------
    float
        One if the cubic has no root near the end of the step.
    """
    x, slope, curvature = here
    back = before[0] - x
    if not (back and curvature > 0):
        return 1.0
    # In units of the distance to the previous place, the cubic is slope + first z +
    # second z^2 + third z^3.
    first = curvature * back
    rise, bend = before[1] - slope - first, before[2] * back - first
    second, third = 3.0 * rise - bend, bend - 2.0 * rise
    z = first_z = step / back
    for _ in range(N_ITER):
        value = slope + z * (first + z * (second + z * third))
        derivative = first + z * (2.0 * second + 3.0 * z * third)
        # The derivative has the sign of the way back where the slope rises.
        if not derivative * back > 0:
            return 1.0
        z -= value / derivative
    share = z / first_z
    return share if abs(share - 1.0) <= MOST else 1.0
