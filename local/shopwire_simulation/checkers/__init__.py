"""The checkers of the simulation say what must hold at every step of a run, and at its end."""
