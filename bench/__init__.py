"""Benchmarks: ratios, arms interleaved in one run, raw JSON kept in bench/results."""
