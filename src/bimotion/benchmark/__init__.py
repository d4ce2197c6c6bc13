"""How fast this machine generates, captions and trains, and what bounds it."""
