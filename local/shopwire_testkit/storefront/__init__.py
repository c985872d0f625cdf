"""Samples of the storefront script, and what simulates its side."""
