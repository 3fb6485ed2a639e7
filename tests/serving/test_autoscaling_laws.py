from hypothesis import given
from hypothesis import strategies as st

from serving.autoscaling import State, desired
from serving.signals import ReplicaReport, Signals
from tests.serving.moments import NOW_S, SETTINGS, after, replicas, signals

COUNTS = st.floats(0, 500)
SHARES = st.floats(0, 1)
REPORTS = st.none() | st.builds(
    ReplicaReport,
    at_s=st.sampled_from([NOW_S - 100, NOW_S - 3, NOW_S]),
    running_requests=st.none() | COUNTS,
    waiting_requests=st.none() | COUNTS,
    running_tokens=st.none() | st.floats(0, 1e6),
    waiting_tokens=st.none() | st.floats(0, 1e6),
    kv_use=st.none() | SHARES,
    gpu_use=st.none() | SHARES,
    ttft_p95_ms=st.none() | st.floats(0, 1e5),
    tpot_p95_ms=st.none() | st.floats(0, 1e4),
)
STATES = st.builds(
    State,
    peaks=st.lists(st.tuples(st.integers(26_650, 26_670), st.floats(0, 9)), max_size=4).map(tuple),
    running=st.integers(-1, 5),
    running_since_s=st.sampled_from([0.0, NOW_S - 10, NOW_S + 10]),
    strained=st.none() | st.floats(0.3, 2),
    strained_until_s=st.sampled_from([0.0, NOW_S + 10]),
)


@st.composite
def moments(draw: st.DrawFn) -> Signals:
    least = draw(st.integers(0, 3))
    queued = draw(COUNTS)
    return signals(
        *draw(st.lists(REPORTS, max_size=5)),
        target_replicas=draw(st.integers(0, 9)),
        min_replicas=least,
        max_replicas=least + draw(st.integers(1, 6)),
        queued_requests=queued,
        ongoing_requests=queued + draw(COUNTS),
        last_scale_up_s=draw(st.none() | st.floats(NOW_S - 1000, NOW_S)),
    )


def changed_report(of: Signals, name: str, by: float) -> Signals:
    """The first report with a figure raised."""
    for replica, one in of.replicas.items():
        if one and (value := getattr(one, name)) is not None:
            more = one.model_copy(update={name: value + by})
            return of.model_copy(update={"replicas": {**of.replicas, replica: more}})
    return of


@given(moments(), STATES)
def test_the_answer_is_within_the_bounds(of: Signals, state: State):
    assert of.min_replicas <= replicas(of, state=state) <= of.max_replicas


@given(moments(), STATES, COUNTS)
def test_more_queue_never_asks_for_fewer(of: Signals, state: State, more: float):
    longer = of.model_copy(
        update={
            "queued_requests": of.queued_requests + more,
            "ongoing_requests": of.ongoing_requests + more,
        }
    )
    assert replicas(longer, state=state) >= replicas(of, state=state)
    engine = changed_report(of, "waiting_requests", more)
    assert replicas(engine, state=state) >= replicas(of, state=state)


@given(moments(), STATES, st.sampled_from(["running_tokens", "waiting_tokens"]), st.floats(0, 1e6))
def test_more_tokens_never_ask_for_fewer(of: Signals, state: State, name: str, more: float):
    assert replicas(changed_report(of, name, more), state=state) >= replicas(of, state=state)


@given(moments(), STATES, st.sampled_from(["ttft_p95_ms", "tpot_p95_ms"]), st.floats(0, 1e5))
def test_more_latency_never_asks_for_fewer(of: Signals, state: State, name: str, more: float):
    assert replicas(changed_report(of, name, more), state=state) >= replicas(of, state=state)


@given(moments(), STATES, st.data())
def test_replicas_that_fall_silent_never_lower_the_count(of: Signals, state: State, data: st.DataObject):
    if not of.replicas:
        return
    mute = data.draw(st.sets(st.sampled_from(sorted(of.replicas)), min_size=1))
    silent = of.model_copy(
        update={"replicas": {name: None if name in mute else one for name, one in of.replicas.items()}}
    )
    assert replicas(silent, state=state) >= min(of.max_replicas, of.target_replicas)


@given(moments(), STATES)
def test_the_same_signals_again_change_nothing(of: Signals, state: State):
    first, remembered = desired(of, SETTINGS, state)
    obeyed = of.model_copy(update={"target_replicas": first})
    assert desired(obeyed, SETTINGS, remembered) == (first, remembered)


@given(moments())
def test_nothing_is_remembered_without_bound(of: Signals):
    state = State()
    for step in range(40):
        _, state = desired(after(step * 60.0, of), SETTINGS, state)
    assert len(state.peaks) <= 9
    assert set(state.silent_s) <= set(of.replicas)
