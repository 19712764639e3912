"""Trust in moves of lambda: their longest length, and places to return to."""

import numpy as np

#: Longest move of a lambda between two passes, a natural log; relative rise of the
#: objective that shows that a move was too long; the share of that move to retry.
LONGEST, RISE, RETREAT = 3.0, 1e-3, 0.25
#: Ratio of a move of lambda back to the last move, above which moves swing.
SWINGING = 0.9
#: The same that counts as a turn, and number of turns that are not too many.
TURNING, FREE_TURNS = 0.4, 2


class Trust:
    """The longest move of lambda between two passes, and the best place so far.

    Attributes
    ----------
    longest : float
        Longest move of a lambda.
    """

    def __init__(self):
        self.longest = LONGEST
        #: Whether no move was too long.
        self.is_free = True
        # Lambda, objective and error of the best place so far, and the objective of the
        # last place if that was too high.
        self._lowest, self._risen = None, np.inf
        # The last move of lambda, how many have turned back, and the longest one since.
        self._last, self._n_turns, self._most = np.zeros(1), 0, np.inf

    def retreat(self, lambda_, objective, error=0.0):
        """Return lambda between the lowest place and this one, which is too high.

        The longest move becomes shorter then, else longer.

        Parameters
        ----------
        lambda_ : ndarray of shape (n_groups,)
        objective : float
            Value at weights near the minima there.
        error : float
            Error of these weights; the relative error of the objective is at most about
            this.

        Returns
        -------
        ndarray of shape (n_groups,) or None
            None if the objective has not risen.
        """
        risen, self._risen = self._risen, np.inf
        is_high = self._lowest is not None and self._has_risen(objective, error)
        if is_high and objective >= risen:
            # Not lower nearer the lowest place: that had unfinished weights.
            self._lowest = lambda_, objective, error
        elif is_high:
            self._risen = objective
            centre = self._lowest[0]
            self.longest = RETREAT * np.abs(lambda_ - centre).max()
            self.is_free = False
            return centre + RETREAT * (lambda_ - centre)
        if self._lowest is None or objective < self._lowest[1]:
            self._lowest = lambda_, objective, error
        self.longest = min(2.0 * self.longest, LONGEST)
        return None

    def moved(self, move, longest):
        """Return a move of lambda that is shorter where moves keep turning back.

        Parameters
        ----------
        move : ndarray of shape (n_groups,)
            Of the lambdas.
        longest : float
            Longest move of a lambda.

        Returns
        -------
        ndarray of shape (n_groups,)
        """
        size, last = np.abs(move).max(), np.abs(self._last).max()
        along = np.sum(self._last * move)
        if along < 0 and size > TURNING * last:
            self._n_turns += 1
            # A first move may be too long; later, moves go around in circles.
            if self._n_turns > FREE_TURNS:
                self._most = 0.5 * min(self._most, size)
                self.is_free = False
        elif along > 0 and last >= self._most:
            self._most *= 2.0
        longest = min(longest, self._most)
        self._last = np.clip(move, -longest, longest)
        return self._last

    def _has_risen(self, objective, error):
        """Whether an objective is above the lowest one, given their errors."""
        _, lowest, its_error = self._lowest
        return objective > (1.0 + RISE + error + its_error) * lowest
