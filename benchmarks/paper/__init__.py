"""Re-make the experiments of Dhar, Kurup & Shah (2020) beside what they published.

python -m benchmarks.paper --help
"""
