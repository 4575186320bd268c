"""What follows decoding, in order: upscale, PNG."""
