"""Ethical walls: setting, lifting and reporting them."""
