"""What only a GPU can prove: speed by rows, the engine against FIFO, and bits; one command, ten minutes."""
