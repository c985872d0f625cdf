"""The command line `shopwire`: for one's own machine and for deployed stacks. Nothing in shared/ may import it."""
