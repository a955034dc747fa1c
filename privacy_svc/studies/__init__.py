"""Studies, their members, and what members may see."""
