"""Generic, our own format: sample bodies and a simulated shop."""
