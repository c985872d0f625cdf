"""Planted bugs: changes to the code that the simulation must notice."""
