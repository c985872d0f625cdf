"""The command line `shopwire`, for local work and for deployed stacks. Nothing in shared/ may import it."""
