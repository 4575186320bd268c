"""A Discord of our own on the loopback: HTTP and gateway, with the faults that simcord cannot make."""
