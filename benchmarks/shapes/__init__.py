"""Ridge and logistic regression at many shapes, beside a plain fit and each peer.

A table per kind of regression, every row of it measured in one run, one of them beside
busy processes, what the tables say in words, and a picture of the ratios. A tool whose
fit takes longer than the limit, the same for all, has a ratio of at least so much.

    python -m benchmarks.shapes [--only PATTERN] [--repeats 3] [--page PAGE]
"""
