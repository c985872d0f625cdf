"""`shopwire dev`: all of shopwire on this machine, in memory."""
