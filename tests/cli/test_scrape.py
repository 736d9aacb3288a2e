from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

import use_cases
from cli.state.scrape import Models, Numbers, fetch, models_in, numbers_in
from pipeline.clock import FixedClock
from pipeline.health import Health, serve

CASE = use_cases.load("first_day_churn")
PAGE = """
# TYPE pipeline_records_total counter
pipeline_records_total{stage="event_handler",type="bet",outcome="forwarded"} 80.0
pipeline_records_total{stage="event_handler",type="win",outcome="forwarded"} 5.0
pipeline_records_total{stage="event_handler",type="unknown",outcome="rejected"} 3.0
# TYPE pipeline_rejected_total counter
pipeline_rejected_total{stage="event_handler",reason="not_json"} 2.0
pipeline_rejected_total{stage="event_handler",reason="null_value"} 1.0
# TYPE pipeline_lag_records gauge
pipeline_lag_records{stage="event_handler",topic="generated-events"} 17.0
# TYPE python_gc_objects_collected_total counter
python_gc_objects_collected_total{generation="0"} 400.0
"""


def test_a_page_of_metrics_gives_the_numbers_of_a_worker() -> None:
    assert numbers_in(PAGE, CASE) == Numbers(records_in=88, out=85, rejected=3, lag=17)


def test_of_the_fold_only_what_causes_a_score_goes_out() -> None:
    page = """
# TYPE pipeline_records_total counter
pipeline_records_total{stage="stream_features",type="purchase",outcome="counted"} 10.0
pipeline_records_total{stage="stream_features",type="bet",outcome="counted"} 70.0
pipeline_records_total{stage="stream_features",type="bet",outcome="after_window"} 4.0
"""
    assert numbers_in(page, CASE) == Numbers(records_in=84, out=70)


def test_a_logged_record_that_was_a_replay_too_is_one_record() -> None:
    page = """
# TYPE pipeline_records_total counter
pipeline_records_total{stage="inference_logger",type="inferences",outcome="logged"} 10.0
pipeline_records_total{stage="inference_logger",type="inferences",outcome="replayed"} 4.0
"""
    assert numbers_in(page, CASE) == Numbers(records_in=10, out=10)


def test_of_an_api_it_gives_what_callers_asked_for_and_what_was_refused() -> None:
    page = """
# TYPE requests_total counter
requests_total{method="POST",route="/predict",status="200"} 7.0
requests_total{method="POST",route="/predict",status="422"} 2.0
requests_total{method="GET",route="/metrics",status="200"} 50.0
requests_total{method="GET",route="/v2/health/ready",status="200"} 9.0
"""
    assert numbers_in(page, CASE) == Numbers(records_in=9, out=7, rejected=2)


MODELS_PAGE = """
# TYPE pipeline_model_info gauge
pipeline_model_info{model="first_day_churn",version="1"} 0.0
pipeline_model_info{model="first_day_churn",version="2"} 1.0
# TYPE pipeline_challenger_info gauge
pipeline_challenger_info{model="first_day_churn",version="3",share="0.1"} 1.0
# TYPE pipeline_model_refused gauge
pipeline_model_refused{model="first_day_churn",what="4"} 1.0
pipeline_model_refused{model="first_day_churn",what="5"} 0.0
"""


def test_models_are_named_by_what_they_are() -> None:
    assert models_in(MODELS_PAGE) == Models(
        in_service=("first_day_churn 2",),
        on_trial=("first_day_churn 3, share 0.1",),
        refused=("first_day_churn 4",),
    )


def test_models_of_several_workers_are_named_once() -> None:
    one = models_in(MODELS_PAGE)
    assert one + one + Models() == one


def test_an_empty_page_gives_zeroes() -> None:
    assert numbers_in("", CASE) == Numbers()


def test_the_metrics_that_workers_really_have_are_understood() -> None:
    registry = CollectorRegistry()
    names = ["stage", "type", "outcome"]
    counter = Counter("pipeline_records_total", "", names, registry=registry)
    counter.labels("event_handler", "bet", "forwarded").inc(3)
    lag = Gauge("pipeline_lag_records", "", ["stage", "topic"], registry=registry)
    lag.labels("event_handler", "t").set(2)
    page = generate_latest(registry).decode()
    assert numbers_in(page, CASE) == Numbers(records_in=3, out=3, lag=2)


def test_numbers_add_up() -> None:
    one, other = Numbers(1, 2, 3, 4), Numbers(10, 20, 30, 40)
    assert one + other == Numbers(11, 22, 33, 44)


def test_a_port_on_which_nobody_listens_answers_nothing() -> None:
    assert fetch(1) is None


def test_a_worker_is_asked_over_http() -> None:
    port = serve(Health(FixedClock()), "127.0.0.1", 0)
    assert "python_info" in (fetch(port) or "")


def test_a_worker_that_says_no_is_as_one_that_says_nothing() -> None:
    port = serve(Health(FixedClock()), "127.0.0.1", 0)
    assert fetch(port, "/live") == "yes\n"
    assert fetch(port, "/ready") is None
