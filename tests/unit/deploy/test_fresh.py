"""What the table of `make fresh` says of a run."""

from deploy.fresh.__main__ import read_result

DONE = "set-up: generating the stubs\nDone          334 samples created in 3.0 s\n"


def test_run_is_good_when_it_created_every_sample_and_ended_well() -> None:
    assert read_result(0, DONE) == (True, "334 samples created")


def test_failed_run_is_described_by_the_line_that_says_why() -> None:
    output = "set-up: making the virtual environment\nfairdb: redis did not start: no\n--- log\nmake: *** Error 1\n"
    assert read_result(2, output) == (False, "fairdb: redis did not start: no")


def test_processes_that_were_left_make_a_run_bad() -> None:
    assert read_result(1, f"{DONE}processes left running: 2\n") == (False, "processes left running: 2")


def test_run_without_its_samples_is_bad_however_it_ended() -> None:
    assert read_result(0, "Done 12 samples created\n") == (False, "Done 12 samples created")
    assert read_result(0, "") == (False, "it printed nothing")
