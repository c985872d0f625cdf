"""`shopwire dev`: the whole system on one machine, in memory."""
