"""Figures: functions that take a result and, if wanted, axes, and return the axes drawn on."""
