"""Benchmarks of shopwire's time, memory, size and cost (run by `make bench`).

Machines differ, so each figure is measured next to a baseline in the same run, and the ratio of the two counts. The
main baseline is the usual stack (bench/usual/): the same functions written with the common libraries for Lambda (boto3,
requests, pydantic, Powertools) as the guides of these libraries show them. No test asserts a time."""
