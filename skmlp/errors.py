"""How every refusal of a value is worded."""

__all__ = ["invalid"]


def invalid(name, value, accepted):
    """Return the ValueError that names a parameter, what it accepts and what it got."""
    return ValueError(f"{name} must be {accepted}, got {value!r}.")
