"""The Discord face: commands, buttons, cards and delivery over the same Studio as every other face."""
