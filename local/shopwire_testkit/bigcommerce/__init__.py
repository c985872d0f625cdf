"""BigCommerce: samples."""
