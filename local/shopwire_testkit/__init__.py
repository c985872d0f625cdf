"""Samples and simulated shops, one folder per platform."""
