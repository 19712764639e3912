"""Which lambda penalizes which feature, and the coordinates that go with it."""
