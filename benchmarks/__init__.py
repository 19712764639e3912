"""Scripts that make the figures quoted in the documentation; public API only."""
