"""Kernels as plain loops that numba compiles; each has its numpy form, and gives the same numbers."""
