from scaleout.load.wrk import Report


def test_a_rate_of_what_succeeded_leaves_out_refused_requests():
    report = Report(
        requests=100, bad_statuses=10, seconds=2, p50_ms=1, p95_ms=2, p99_ms=2, errors=12
    )
    assert report.per_second == 50
    assert report.succeeded_per_second == 45
