"""One module a family of Models: how its folder is loaded, how its Prompts are read, how one call is made."""
