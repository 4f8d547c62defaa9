"""The metric catalogue: one definition of every number, compiled to SQL that both engines understand."""
