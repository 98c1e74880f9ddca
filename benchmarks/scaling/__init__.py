"""Training on several ranks: what a step and a reduction take, and a model of what they would on more."""
