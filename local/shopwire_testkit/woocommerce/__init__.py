"""Samples of WooCommerce, and what simulates its side."""
