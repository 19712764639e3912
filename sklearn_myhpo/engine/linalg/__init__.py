"""Linear algebra that knows nothing of losses or rows."""
