"""What is measured of this library."""
