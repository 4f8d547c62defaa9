"""What a source promises, and the checks that follow from it."""
