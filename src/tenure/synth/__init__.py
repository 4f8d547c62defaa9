"""Generator of a synthetic bank whose truth is known."""
