"""Whatever arrives, in whatever order: the account balances, and building step by step equals building at once."""

import tempfile
from datetime import date
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tenure.cli.demo import make_project
from tenure.core.settings import Project, open_project
from tenure.pipeline import raw_zone, run_all, run_build, verify
from tenure.warehouse.runner import BuildRequest
from tenure.warehouse.store import ReleaseStore

_CUSTOMERS = "customer_id,first_name,last_name,age,gender,geography,is_active,tenure_months,date_opened\n"
_OFFERS = "offer_id,customer_id,offer_type,accepted,date_offered\n"

_customer = st.tuples(
    st.integers(1, 4), st.sampled_from(["Egypt", "UAE", ""]), st.sampled_from(["0", "1", "maybe"]), st.integers(0, 60)
)
_offer = st.tuples(
    st.integers(1, 5),
    st.integers(1, 6),
    st.sampled_from(["0", "1", "", "x"]),
    st.sampled_from(["2025-07-31", "2025-08-02", ""]),
)
_usage = st.tuples(
    st.integers(1, 5),
    st.integers(1, 6),
    st.sampled_from(["Savings", "Current"]),
    st.sampled_from(["1.10", "0.20", "1.005"]),
)
_delivery = st.one_of(
    st.tuples(
        st.just("customers"), st.sampled_from(["2025-06", "2025-07", "2025-08"]), st.lists(_customer, max_size=4)
    ),
    st.tuples(st.just("offers"), st.sampled_from("ab"), st.lists(_offer, max_size=4)),
    st.tuples(st.just("usage"), st.sampled_from("ab"), st.lists(_usage, max_size=4)),
)


def _land(project: Project, kind: str, name: str, rows: list[tuple[object, ...]]) -> None:
    landing = project.root / "landing"
    if kind == "customers":
        lines = [f"{who},A,B,30,Male,{where},{active},{months},2025-01-01\n" for who, where, active, months in rows]
        (landing / f"customers_{name}.csv").write_text(_CUSTOMERS + "".join(lines))
    elif kind == "offers":
        lines = [f"{number},{who},Cashback,{answer},{day}\n" for number, who, answer, day in rows]
        (landing / f"offers_{name}.csv").write_text(_OFFERS + "".join(lines))
    else:
        record = '{{"usage_log_id": {}, "customer_id": {}, "product_type": "{}", "monthly_balance": {}}}\n'
        lines = [record.format(*row) for row in rows]
        (landing / f"usage_{name}.json").write_text("".join(lines))


def _hashes(project: Project) -> dict[str, str]:
    store = ReleaseStore(project.warehouse)
    pointer = store.pointer()
    assert pointer is not None
    return {table.name: table.content_hash for table in store.manifest(pointer.current).tables}


@settings(max_examples=12)
@given(deliveries=st.lists(_delivery, min_size=1, max_size=4))
def test_building_step_by_step_equals_building_at_once(
    deliveries: list[tuple[str, str, list[tuple[object, ...]]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        make_project(Path(folder) / "bank", "bank")
        project = open_project(Path(folder) / "bank")
        _land(project, "customers", "2025-05", [(1, "Egypt", "1", 5)])
        for month, (kind, name, rows) in enumerate([("offers", "z", []), *deliveries], start=6):
            _land(project, kind, name, rows)
            result = run_all(project, date(2025, month, 28))
            for outcome in result.outcomes:
                parts = (outcome.loaded, outcome.quarantined, outcome.duplicates, outcome.unchanged, outcome.filtered)
                assert outcome.records_in == sum(parts)
        step_by_step = _hashes(project)
        run_build(project, BuildRequest("full", date(2025, 6 + len(deliveries), 28), full=True))
        assert _hashes(project) == step_by_step
        assert [finding for finding in verify(project) if finding.problem] == []
        for load in raw_zone(project).state.loads():
            assert load.records_in == load.loaded + load.quarantined + load.duplicates + load.filtered
