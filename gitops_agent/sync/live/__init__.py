"""Live state: owned objects as the watches see them."""
