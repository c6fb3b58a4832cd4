"""The benchmark: ``./dev bench``; what it measures and how is told in docs/benchmarks.md."""
