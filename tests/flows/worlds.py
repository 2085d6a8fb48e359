"""In which worlds a flow is played: each language, way of hearing and database, and each pair of them.

What is left of all combinations is played by `make soak`: a fault that shows only where three meet is rare, and
each flow takes as long as a hundred tests of units.
"""

import pytest

LONG = pytest.mark.soak

WORLDS = pytest.mark.parametrize(
    ("language", "receiving", "database"),
    [
        ("ru", "polling", "sqlite"),
        ("en", "webhook", "sqlite"),
        ("en", "polling", "postgresql"),
        ("ru", "webhook", "postgresql"),
        pytest.param("en", "polling", "sqlite", marks=LONG),
        pytest.param("ru", "webhook", "sqlite", marks=LONG),
        pytest.param("ru", "polling", "postgresql", marks=LONG),
        pytest.param("en", "webhook", "postgresql", marks=LONG),
    ],
    indirect=["receiving", "database"],
)
"""For the long flows: `language` is the test's, the others the world's."""

LANGUAGES = pytest.mark.parametrize(
    ("language", "database"),
    [
        ("en", "sqlite"),
        ("ru", "postgresql"),
        pytest.param("ru", "sqlite", marks=LONG),
        pytest.param("en", "postgresql", marks=LONG),
    ],
    indirect=["database"],
)
"""For the others, by polling."""
