"""What is found to be wrong."""


class Wrong(Exception):
    """Something was lost, doubled, or told that wasn't so; or it doesn't do what it's for."""
