"""Reports: an analysis in, one page out; sections are made of a few kinds of blocks, and pages of sections."""
