"""Parts of docstrings that are written once."""

import pytest

from skdl.utils import fill_documentation


def test_a_part_stands_where_it_is_named_and_keeps_the_indent():
    class Named:
        """Head.

        Raises
        ------
        <errors>
            a < b > c stays.
        """

    fill_documentation(Named, {"errors": "ValueError\n    If bad.\n\nEnd.", "unused": "?"})
    assert Named.__doc__ == "Head.\n\nRaises\n------\nValueError\n    If bad.\n\nEnd.\n    a < b > c stays."


def test_an_unknown_part_is_refused():
    class Named:
        """<nothing>"""

    with pytest.raises(KeyError, match="nothing"):
        fill_documentation(Named, {})
