"""The checks of the simulation: what must hold at every step, and at the end."""
