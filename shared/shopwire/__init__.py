"""shopwire turns webhooks of shop platforms into eSputnik v1/event requests: in order, once, and without losing any.

Data goes one way: platforms -> models -> mapper -> delivery -> esputnik. Nothing in this package imports the command
line or the packages that only run locally.
"""
