"""How well episodes follow a process model: exact alignments and their costs."""
