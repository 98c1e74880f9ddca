"""Layers: functions that hold what they have learnt."""

from wengert.layers.layer import Layer

__all__ = ["Layer"]
