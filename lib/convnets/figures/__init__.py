"""Explanatory drawings for the lectures, one module per lecture topic; see each module."""
