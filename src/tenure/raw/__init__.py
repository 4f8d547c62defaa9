"""The raw zone: immutable loads, their quarantine and the state database that commits them."""
