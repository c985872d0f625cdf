"""Sample webhooks of WooCommerce, and a simulated WooCommerce shop."""
