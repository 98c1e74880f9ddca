"""Plans as native code of this processor, and their threads."""
