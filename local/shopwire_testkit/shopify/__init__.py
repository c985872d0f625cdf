"""Sample webhooks of Shopify, and a simulated Shopify shop."""
