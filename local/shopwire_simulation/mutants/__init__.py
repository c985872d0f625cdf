"""Planted bugs are changes to the code that the simulation must notice. Each is a patch in this folder."""
