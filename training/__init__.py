"""How the built-in model is made: fetch, render, compose, train, pack and measure."""
