"""Time, memory and losses beside the tools that people use today.

Times are medians of interleaved repeats, side by side in one run, each tool in a
process of its own. A tool that is not installed, fails or takes longer than its limit
stands in the table with the reason. Data that are not found are left out by name.

    python -m benchmarks.speed [--only PATTERN] [--repeats 3] [--page PAGE]
"""
