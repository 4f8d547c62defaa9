"""The dashboard: pages over the release in force. Reads releases only, never the raw zone."""
