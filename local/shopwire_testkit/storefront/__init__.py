"""Sample webhooks of the storefront script, and a simulated visitor."""
