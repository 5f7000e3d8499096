"""What pages show of figures."""

from testbed.looks import pages


def test_an_interval_is_shown_from_six_regions_on_and_their_range_below() -> None:
    few = {"low": None, "high": None, "blocks": 4, "lowest": 1.0, "highest": 3.0}
    assert pages.interval(few, "{:.1f}") == "4 regions: 1.0 … 3.0"
    assert pages.interval(few | {"low": 1.5, "high": 2.5}, "{:.1f}") == "1.5 … 2.5"
    assert pages.interval(few | {"blocks": 1}) == pages.interval(None) == pages.NONE
