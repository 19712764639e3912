"""Ridge: everything follows from second moments, or from products of rows."""
