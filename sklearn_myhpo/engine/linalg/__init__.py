"""Linear algebra, independent of losses and of rows."""
