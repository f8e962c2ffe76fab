"""What a plugin says of a call is a number of a unit that has prices."""

from decimal import Decimal

import pytest

from bedrock_flask.prices.billed import Billed


@pytest.mark.parametrize("counts", [{"pages": 1}, {"image": -1}, {"image": 1.5}, {"image": "2"}])
def test_a_wrong_count_is_refused(counts):
    with pytest.raises(ValueError, match=next(iter(counts))):
        Billed(counts)


def test_a_count_is_whole_decimal_or_unknown():
    assert Billed({"image": 2, "video_second": Decimal("5.5"), "request": None}).variant == ""
