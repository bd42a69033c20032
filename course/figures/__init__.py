"""Drawings that one lecture needs, a module a topic; what several need is in `convnets.plots`."""
