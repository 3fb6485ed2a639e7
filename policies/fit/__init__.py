"""What would not run, or not as it seems."""
