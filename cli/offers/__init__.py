"""What `pipeline offers` does, besides talking to the terminal."""
