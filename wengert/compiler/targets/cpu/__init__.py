"""Plans as native code for this processor, and their threads."""
