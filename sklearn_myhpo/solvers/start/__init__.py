"""Where a solver starts: scans of one shared lambda."""
