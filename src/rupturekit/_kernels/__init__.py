"""Array kernels: arrays in, arrays out, no word from the field."""
