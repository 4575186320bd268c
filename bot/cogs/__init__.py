"""One cog per thing that can be asked for in Discord."""
