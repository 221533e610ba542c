"""A codebook, a process model and a reader, offered to rupturekit."""
