"""shopwire: shop platforms' webhooks in, eSputnik v1/event requests out, in order, once, none lost.

Data goes one way: platforms -> models -> mapper -> delivery -> esputnik. Nothing in this package knows
the command line or what only one's own machine needs.
"""
