"""The command line: the third face, as thin as the others."""
