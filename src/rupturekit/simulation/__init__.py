"""Cohorts whose truth is known, coder error included: for planning studies and for trying methods."""
