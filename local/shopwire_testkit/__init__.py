"""Sample webhooks and simulated shops, in one folder per platform."""
