"""Which countries a union has."""

UNIONS = {
    "EU": frozenset(
        (
            *("AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU"),
            *("IE", "IT", "LT", "LU", "LV", "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK"),
        )
    )
}


def within(country: str, place: str) -> bool:
    """Whether a country is that place, or belongs to it."""
    return country == place or country in UNIONS.get(place, frozenset())
