"""Everything that reads X: rows by blocks, folds, sums over rows, batches."""
