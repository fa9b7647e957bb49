"""The newest lines of a log that supervisord rotates."""

from scaleout.driver.native import NativeDriver, read_last_lines


def test_lines_before_and_after_a_rotation_are_one_log(tmp_path):
    (tmp_path / "gateway.log.1").write_text("one\ntwo\n")
    (tmp_path / "gateway.log").write_text("three\n")
    log = tmp_path / "gateway.log"
    assert read_last_lines(log, 1) == ["three"]
    assert read_last_lines(log, 2) == ["two", "three"]
    assert read_last_lines(log, 10) == ["one", "two", "three"]


def test_a_log_that_was_never_rotated_is_read_alone(tmp_path):
    (tmp_path / "gateway.log").write_text("one\ntwo\n")
    assert read_last_lines(tmp_path / "gateway.log", 10) == ["one", "two"]


def test_the_driver_reads_the_newest_lines_of_each_part(tmp_path, monkeypatch):
    files = {
        "api-gateway-1.log.1": "a1\na2\n",
        "api-gateway-1.log": "a3\n",
        "api-gateway-2.log": "b1\n",
        "nginx.log": "other\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    class Stack:
        class places:
            log = tmp_path

    monkeypatch.setattr(NativeDriver, "stack", lambda self, needs_up=True: Stack)
    assert NativeDriver(run_dir=tmp_path).logs("api-gateway", 2) == ["a2", "a3", "b1"]
