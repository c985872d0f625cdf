"""What make and CI run and nothing imports."""
