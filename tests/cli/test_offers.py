"""Contacts are loaded, marketing begins anew, a campaign is told, and a file is decided."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

import httpx
import orjson
import pytest

from cli.offers.asking import Customer, Decided, Rules, ask_all, customers_in
from cli.offers.beginning import begin
from cli.offers.effect import Effect, Group, effect
from marketing.remembering import FIELDS, KIND, encode
from marketing.service import FINGERPRINT
from pipeline.declaration import UseCase
from pipeline.errors import InfrastructureError, Refusal
from pipeline.keys import Keys
from pipeline.marker import Marker
from pipeline.offers.deciding import Decision, History, Policy
from pipeline.records import OutRecord
from pipeline.settings import HttpSettings, Settings
from pipeline.store.client import connect
from pipeline.store.store import Store
from pipeline.times import format_time
from pipeline.topics import Topics, mails_of, offers_of
from serving.http.keys import new_key, write_keys
from tests.cli.helpers import Run
from tests.marketing.logs import log
from tests.marketing.rig import contact
from tests.serving.http.rig import Service
from tests.support.events import NOON, SECOND, caused_by, consumed, registration
from tests.support.fakes import Records
from tests.support.kafka import Cluster
from tests.support.stages import TOPICS
from training.data.labels import LabelsBy
from use_cases import load_form
from use_cases.first_day_churn import USE_CASE

HEADER = "user_id,email,time_zone,consent,self_excluded,harm\n"
OFFERS, MAILS = offers_of(USE_CASE), mails_of(USE_CASE)
FORM = load_form("telecom_churn")
CUSTOMER: Customer = {"customerID": "c1", **FORM.example}
ALL = Rules(Policy(hold_out=0, threshold=0, quiet_until=0, quiet_from=0), {"c1": contact()}, NOON)


def test_a_table_is_loaded_and_then_replaced(run: Run, elsewhere: Path) -> None:
    table = elsewhere / "contacts.csv"
    table.write_text(HEADER + "u1,a@example.com,UTC,yes,no,no\n")
    assert "1 contacts are in force" in run("offers", "load", str(table)).output
    table.write_text(HEADER)
    assert "0 contacts are in force" in run("offers", "load", str(table)).output


def test_a_bad_table_is_refused_in_one_line(run: Run, elsewhere: Path) -> None:
    table = elsewhere / "contacts.csv"
    table.write_text(HEADER + "u1,nowhere,UTC,yes,no,no\n")
    ended = run("offers", "load", str(table))
    assert ended.status == 3
    assert "line 2, column email" in ended.errors
    assert "nowhere" not in ended.errors


def test_customers_are_named_by_their_own_column(run: Run, elsewhere: Path) -> None:
    table = elsewhere / "contacts.csv"
    table.write_text(HEADER.replace("user_id", "customerID"))
    assert run("offers", "load", str(table), "--use-case", "telecom_churn").status == 0


def decisions(*told: tuple[str, str | None]) -> Records:
    """A log of decisions in their order."""
    return [
        consumed(
            orjson.dumps(
                {
                    "id": f"first/0/{n}/0",
                    "user_id": user,
                    "decided_at": format_time(NOON + n),
                    "campaign": "offers",
                    "offer": "no" if reason else "yes",
                    "reason": reason,
                }
            ),
            topic=OFFERS,
            offset=n,
            headers=caused_by(n),
        )
        for n, (user, reason) in enumerate(told)
    ]


def outcomes(*told: tuple[int, str, str | None]) -> Records:
    """What became of the e-mails of some decisions."""
    return [
        consumed(
            orjson.dumps({"id": f"first/0/{n}/0", "outcome": outcome, "reason": reason}),
            topic=MAILS,
            offset=place,
            headers=caused_by(n),
        )
        for place, (n, outcome, reason) in enumerate(told)
    ]


def logged(
    root: Path, labels: Mapping[str, int], told: Records, mails: Records | None = None
) -> None:
    events = [registration(user, label=label) for user, label in labels.items()]
    incoming = [
        consumed(orjson.dumps(one), topic=TOPICS.incoming, offset=n, headers=caused_by(n))
        for n, one in enumerate([*events, registration("clock", at=NOON + 10 * SECOND)])
    ]

    async def all_logged() -> None:
        await log(root, TOPICS.incoming, incoming)
        await log(root, OFFERS, told)
        await log(root, MAILS, mails or [])

    asyncio.run(all_logged())


def found_in(root: Path, campaign: str = "offers") -> Effect:
    return effect(USE_CASE, [root], campaign, LabelsBy.outcome)


def test_decisions_are_counted_by_reason_and_groups_by_their_labels(tmp_path: Path) -> None:
    told = decisions(("a", None), ("b", None), ("c", "hold_out"), ("d", "harm"), ("e", None))
    logged(tmp_path, {"a": 1, "b": 0, "c": 1, "d": 1}, [*told, told[0]])
    found = found_in(tmp_path)
    assert found.decisions == {"yes": 3, "harm": 1, "hold_out": 1}
    assert (found.offered, found.hold_out) == (Group(3, 2, 1), Group(1, 1, 1))


def test_everyone_counts_where_the_first_decision_put_them(tmp_path: Path) -> None:
    told = decisions(("a", "quiet_hours"), ("a", None), ("a", "too_many"), ("a", None))
    logged(tmp_path, {"a": 1}, told)
    assert found_in(tmp_path).offered == Group(1, 1, 1)


def test_e_mails_are_counted_by_what_became_of_them(tmp_path: Path) -> None:
    mails = outcomes(
        (0, "sent", None), (1, "withheld", "harm"), (2, "sent", None), (9, "sent", None)
    )
    told = decisions(("a", None), ("b", None), ("c", None))
    logged(tmp_path, {"a": 1}, told, [*mails, mails[0]])
    assert found_in(tmp_path).mails == {"sent": 2, "withheld: harm": 1}


def test_another_campaign_s_decisions_are_left_out(tmp_path: Path) -> None:
    logged(tmp_path, {"a": 1}, decisions(("a", None)))
    assert found_in(tmp_path, "spring").decisions == {}


def test_the_difference_has_the_interval_of_two_shares() -> None:
    by, low, high = Effect({}, {}, Group(100, 100, 20), Group(100, 100, 30)).difference or (0, 0, 0)
    assert by == pytest.approx(-0.1)
    assert (low, high) == pytest.approx((-0.2192, 0.0192), abs=1e-4)  # by hand: 1.96 * 0.0608


def test_without_labels_of_both_there_is_no_difference() -> None:
    assert Effect({}, {}, Group(5, 5, 1), Group(5, 0, 0)).difference is None


def test_a_report_says_what_came_of_a_campaign(run: Run, elsewhere: Path) -> None:
    home = elsewhere / ".pipeline" / "data" / "first_day_churn"
    logged(home, {"a": 1, "b": 0}, decisions(("a", None), ("b", "hold_out"), ("c", "harm")))
    said = run("offers", "report").output
    assert "harm: 1" in said
    assert "difference +100.0%" in said


def test_without_decisions_a_report_ends_with_1(run: Run) -> None:
    ended = run("offers", "report")
    assert ended.status == 1
    assert "no decision of the campaign offers is logged" in ended.errors


async def asked(*customers: Customer, rules: Rules = ALL, **options: object) -> list[Decided]:
    service = Service(**options)  # type: ignore[arg-type] # its own fields
    async with service.caller() as client:
        return await ask_all(client, FORM, list(customers), rules)


async def test_the_churn_api_scores_a_customer_and_the_rules_decide() -> None:
    (found,) = await asked(CUSTOMER)
    assert found.decision is Decision.YES
    assert found.probability is not None
    assert 0 < found.probability < 1


async def test_a_flag_forbids_an_offer_here_too() -> None:
    rules = Rules(ALL.policy, {"c1": contact(harm=True)}, NOON)
    assert [one.decision for one in await asked(CUSTOMER, rules=rules)] == [Decision.HARM]


async def test_without_contacts_nobody_gets_an_offer() -> None:
    rules = Rules(ALL.policy, None, NOON)
    assert [one.decision for one in await asked(CUSTOMER, rules=rules)] == [
        Decision.FLAGS_UNREADABLE
    ]


async def test_a_customer_who_cannot_be_scored_is_told_with_the_field_at_fault() -> None:
    wrong, nameless = {**CUSTOMER, "tenure": "long"}, {**CUSTOMER, "customerID": ""}
    found = await asked(wrong, nameless, CUSTOMER)
    assert "tenure" in found[0].error
    assert found[1].error == "customerID is missing"
    assert [one.decision for one in found] == [None, None, Decision.YES]


async def test_an_api_that_wants_a_key_refuses(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    write_keys(keys, [new_key("shop", ["predict"])[1]])
    with pytest.raises(Refusal, match="PIPELINE_OFFERS_API_KEY"):
        await asked(CUSTOMER, settings=HttpSettings(keys_file=str(keys)))


async def test_an_api_that_is_busy_is_asked_again() -> None:
    answers = [
        httpx.Response(429, headers={"retry-after": "0"}),
        httpx.Response(503, headers={"retry-after": "0"}),
    ]
    answers.append(httpx.Response(200, json={"Prediction": "churn", "probability": 0.8}))
    transport = httpx.MockTransport(lambda _: answers.pop(0))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        found = await ask_all(client, FORM, [CUSTOMER], ALL)
    assert found == [Decided("c1", Decision.YES, 0.8)]


async def test_an_api_that_does_not_answer_is_an_outage() -> None:
    def gone(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    transport = httpx.MockTransport(gone)
    async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
        with pytest.raises(InfrastructureError, match="http://shop"):
            await ask_all(client, FORM, [CUSTOMER], ALL)


def test_customers_are_read_from_csv_and_from_json_alike(tmp_path: Path) -> None:
    table, document = tmp_path / "customers.csv", tmp_path / "customers.json"
    names, cells = ",".join(CUSTOMER), ",".join(map(str, CUSTOMER.values()))
    table.write_text(f"{names}\n{cells}\n")
    document.write_text(json.dumps([CUSTOMER]))
    assert customers_in(table, FORM) == customers_in(document, FORM) == [CUSTOMER]


@pytest.mark.parametrize(("name", "content"), [("c.json", "{}"), ("c.json", "x"), ("c.csv", '"a')])
def test_a_file_without_customers_ends_with_1(
    run: Run, elsewhere: Path, name: str, content: str
) -> None:
    (elsewhere / name).write_text(content)
    ended = run("offers", "run", name)
    assert (ended.status, content in ended.errors) == (1, False)


def test_without_an_api_a_run_ends_with_4(
    run: Run, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPELINE_OFFERS_API", "http://127.0.0.1:9")
    (elsewhere / "c.json").write_text(json.dumps([CUSTOMER]))
    ended = run("offers", "run", "c.json")
    assert ended.status == 4
    assert "nobody gets an offer" in ended.errors


@pytest.mark.parametrize(
    ("command", "module"), [("decide", "marketing"), ("mail", "marketing.mailing")]
)
def test_a_worker_is_run_with_the_settings_that_a_command_finds(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str, module: str
) -> None:
    became: list[tuple[list[str], dict[str, str]]] = []
    monkeypatch.setattr("os.execve", lambda _, *rest: became.append(rest))
    monkeypatch.setenv("PIPELINE_KAFKA", "broker:9092")
    monkeypatch.setenv("PIPELINE_REDIS", "redis://store:6379/0")
    assert run("offers", command).status == 0
    ((argv, environ),) = became
    assert argv[1:] == ["-m", module]
    assert environ["PIPELINE_LOOKUPS"].endswith(".pipeline/outside/lookups")


def test_without_a_pipeline_a_worker_is_refused(run: Run) -> None:
    assert run("offers", "decide").status == 3


def test_marketing_begins_at_the_end_with_nothing_remembered(
    settings: Settings, case: UseCase, topics: Topics, kafka: str
) -> None:
    Cluster(kafka).append(topics.inferences, 1, [OutRecord(None, b"{}")] * 3)
    asyncio.run(remember(settings, case))
    assert begin(settings, case) == 3
    keys, marker = asyncio.run(kept(settings, case))
    assert len(keys) == settings.partitions  # the markers
    assert marker is not None
    assert (marker.offset, marker.partitions) == (2, settings.partitions)


async def remember(settings: Settings, case: UseCase) -> None:
    """Something of a user, under a marker of another topic."""
    client = connect(settings.redis)
    store = Store(client, Keys(case.name, KIND), FIELDS)
    first = Marker.first("another", "g1", FINGERPRINT)
    await store.write(1, None, first, {"u1": encode(History(NOON))})
    await store.close()


async def kept(settings: Settings, case: UseCase) -> tuple[list[bytes], Marker | None]:
    """All keys of offers, and the marker of partition 1."""
    client = connect(settings.redis)
    marker = await Store(client, Keys(case.name, KIND), FIELDS).marker(1)
    keys = [key async for key in client.scan_iter(match="*offers*")]
    await client.aclose()
    return keys, marker
