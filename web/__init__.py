"""The chat page: an HTTP door to the Studio, guarded, and the page that uses it."""
