"""Scripts that make and CI run. No deployed or installed package imports them."""
