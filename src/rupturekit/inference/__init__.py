"""Estimates with intervals that respect who is nested in whom, and tests against named nulls."""
