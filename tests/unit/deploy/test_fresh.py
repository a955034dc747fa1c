"""The result of a run in the table of `make fresh`."""

from deploy.fresh.__main__ import read_result

DONE = "setup: generating the gRPC stubs\nDone          334 samples created in 3.0 s\n"


def test_run_succeeds_if_it_created_all_samples_and_exited_with_0() -> None:
    assert read_result(0, DONE) == (True, "334 samples created")


def test_failed_run_shows_the_line_with_the_reason() -> None:
    output = "setup: creating the virtual environment\nfairdb: redis did not start: no\n--- log\nmake: *** Error 1\n"
    assert read_result(2, output) == (False, "fairdb: redis did not start: no")


def test_run_that_leaves_processes_running_fails() -> None:
    assert read_result(1, f"{DONE}processes left running: 2\n") == (False, "processes left running: 2")


def test_run_without_all_samples_fails_even_with_exit_code_0() -> None:
    assert read_result(0, "Done 12 samples created\n") == (False, "Done 12 samples created")
    assert read_result(0, "") == (False, "no output")
