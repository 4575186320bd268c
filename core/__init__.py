"""The application: what Limner is, in plain Python, with no Discord, HTTP, tensors or SQL."""
