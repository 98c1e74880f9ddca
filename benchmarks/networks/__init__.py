"""Four networks, each trained by Adam in Wengert and in PyTorch, on the same numbers from the same weights."""
