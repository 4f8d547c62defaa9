"""Tenure, the customer lakehouse."""

__version__ = "0.1.0"
