"""From raw loads to a verified release: the model graph, its runner, checks and reports."""
