"""What differs between Model families, one module each; nothing here imports torch or diffusers."""
