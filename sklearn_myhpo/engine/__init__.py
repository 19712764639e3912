"""The numerical engine: what a bilevel problem computes, and how."""
