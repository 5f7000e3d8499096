"""`radiosem data raytrace`: bad input is refused before anything is traced."""

from tests.testbed.data.conftest import run


def test_raytrace_refuses_bad_input_before_it_traces(tmp_path):
    for arguments, message in (
        (("--frequency-hz", "9e8"), "start at 1 GHz"),
        (("--shard", "3/2"), "shard is '3/2'"),
        (("--split", "dev"), "split is 'dev'"),
        (("--tx-height", "1.5"), "tx_height_m is 1.5"),
    ):
        result = run("raytrace", tmp_path / "out", *arguments)
        assert result.exit_code == 2
        assert message in result.stderr
    assert not (tmp_path / "out").exists()
