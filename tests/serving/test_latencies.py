from serving.latencies import LATELY_S, Latencies


def test_without_latencies_there_is_no_p95() -> None:
    assert Latencies().p95_ms(0) is None


def test_five_of_a_hundred_may_be_longer() -> None:
    seen = Latencies()
    seen.add(0, [latency / 1000 for latency in range(1, 101)])
    assert seen.p95_ms(0) == 95


def test_one_latency_is_its_own_p95() -> None:
    seen = Latencies()
    seen.add(0, [0.25])
    assert seen.p95_ms(0) == 250


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    seen = Latencies()
    seen.add(0, [9.0])
    seen.add(30, [1.0])
    assert seen.p95_ms(LATELY_S) == 9000
    assert seen.p95_ms(LATELY_S + 1) == 1000
    assert seen.p95_ms(LATELY_S + 31) is None
