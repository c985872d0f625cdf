"""The commands of `shopwire`, one module each."""
