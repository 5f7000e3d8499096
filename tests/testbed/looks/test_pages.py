"""What pages show of figures."""

from testbed.looks import pages


def test_an_interval_is_shown_from_six_regions_on_and_their_range_below() -> None:
    few = {"low": None, "high": None, "blocks": 4, "lowest": 1.0, "highest": 3.0}
    assert pages.interval(few, "{:.1f}") == "4 regions: 1.0 … 3.0"
    assert pages.interval(few | {"low": 1.5, "high": 2.5}, "{:.1f}") == "1.5 … 2.5"
    assert pages.interval(few | {"blocks": 1}) == pages.interval(None) == pages.NONE


def test_a_table_has_a_foot_that_is_blank_where_it_says_nothing_and_links_by_name() -> None:
    columns = (("map", "id", ""), ("MSE", "mse", "{:.2f}"), ("bits", "bits", "{:,}"))
    rows = [{"id": "<a>", "mse": 0.125, "bits": 1234}, {"id": "b", "mse": None, "bits": 9}]
    html = pages.table(rows, columns, foot={"id": "mean", "mse": 0.5}, links="id")
    assert '<th class="text">map</th><th>MSE</th>' in html
    assert '<td class="text"><a href="#&lt;a&gt;">&lt;a&gt;</a></td><td>0.12</td><td>1,234</td>' in html
    assert f"<td>{pages.NONE}</td><td>9</td>" in html
    assert html.count("href") == 2
    assert '<tfoot><tr><td class="text">mean</td><td>0.50</td><td></td></tr></tfoot>' in html
    assert "<tfoot>" not in pages.table(rows, columns)
