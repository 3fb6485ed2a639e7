"""What lets the wrong people in, or leaves no trace of them."""
