"""The sections of a report, one module each: a function from what is reported to a section, or to none."""
