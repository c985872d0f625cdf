"""Samples of Shopify, and what simulates its side."""
