"""Pictures of computational graphs."""

from wengert.drawing.graph import draw
from wengert.drawing.picture import Drawing

__all__ = ["Drawing", "draw"]
