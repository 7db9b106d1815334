"""What codes and units mean, who may say what where, and what no stock is kept of."""

from typing import Any

import pytest

from ledger.domain.events import (
    ConflictOpened,
    HoldFulfilled,
    LocationDefined,
    ReservationFulfilled,
    ReservationPlaced,
    SkuDefined,
    StockAdjusted,
    StockReceived,
    StockReserved,
    StockSold,
)
from ledger.domain.refusals import (
    Forbidden,
    IllegalState,
    InexactUnit,
    Malformed,
    NotFound,
)
from ledger.domain.units import Stated
from tests.support.builders import (
    adjust,
    amend,
    fulfil,
    line,
    receive,
    release,
    reserve,
    sell,
    together,
)
from tests.support.catalogs import define, may, packs, place, service, stated
from tests.support.given import given, happened, strictly_given
from tests.support.manual_clock import moment


def test_a_sku_is_defined_once_however_often_it_is_put() -> None:
    """The same definition again decides nothing; another one is the next version."""
    case = packs(case=12)
    given(define(packs=case)).when(define(packs=case)).then_nothing().answering(version=1)
    given(define(packs=case)).when(define()).then(
        happened(SkuDefined, sku="MUG", packs=())
    ).answering(version=2)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ({"scale": 3}, {"scale": 2}),
        ({"base_unit": "kg"}, {"base_unit": "g"}),
        ({}, {"case_policy": "upper"}),
        ({}, {"service": True}),
    ],
)
def test_what_recorded_integers_and_codes_mean_never_changes(
    first: dict[str, Any], then: dict[str, Any]
) -> None:
    """Base unit, scale and case policy stay, and goods do not become a service."""
    given(define(**first)).when(define(**then)).then_refused(IllegalState, what="sku", id="MUG")


def test_a_quantity_in_packs_is_recorded_in_base_units() -> None:
    """Two cases of twelve are twenty-four; the words of the reporter stay with the event."""
    outcome = given(define(packs=packs(case=12))).when(receive(**stated("2", "case")))

    outcome.then(happened(StockReceived, quantity=24)).leaving(sellable=24)
    assert "2 case" == outcome.decision.effects[0].cause.stated


def test_tenths_of_kilograms_add_up_to_the_last_gram() -> None:
    """2.5 and 1.3 are 3.8: an adjustment that expects exactly that finds it."""
    expecting = (
        Stated(field="delta", amount="-3.8", uom="kg"),
        Stated(field="expected_on_hand", amount="3.8", uom="kg"),
    )
    given(
        define(base_unit="kg", scale=3),
        receive(**stated("2.5", "kg")),
        receive(**stated("1.3", "kg")),
    ).when(adjust(0, expected_on_hand=0, stated=expecting)).then(
        happened(StockAdjusted, delta=-3_800)
    ).leaving(on_hand=0)


def test_a_quantity_that_would_lose_something_is_refused() -> None:
    """Half a mug is none, and nobody knows how many mugs a crate holds."""
    ledger = given(define(packs=packs(case=12)))

    ledger.when(receive(**stated("0.3", "case"))).then_refused(
        InexactUnit, path="$.movements[0].quantity", lost="0.6"
    )
    ledger.when(receive(**stated("1", "crate"))).then_refused(InexactUnit, uom="crate", lost=None)
    given().when(receive(**stated("1", "case"))).then_refused(InexactUnit, uom="case")


def test_decimals_need_a_definition() -> None:
    """Of what nobody has defined there are integers only; `"5"` of a defined SKU is five."""
    given().when(receive(**stated("5"))).then_refused(Malformed, path="$.movements[0].quantity")
    given(define()).when(receive(**stated("5.0"))).then(happened(StockReceived, quantity=5))


def test_a_late_fact_counts_by_the_packs_of_its_time() -> None:
    """A supplier who packs ten instead of twelve since yesterday packed twelve before."""
    ledger = given(define(packs=packs(case=12)), define(packs=packs(case=10)))

    ledger.when(receive(**stated("1", "case"))).then(happened(StockReceived, quantity=10))
    ledger.when(receive(**stated("1", "case"), occurred_at=moment(1.5))).then(
        happened(StockReceived, quantity=12)
    )
    ledger.when(receive(**stated("1", "case"), occurred_at=moment(-9))).then(
        happened(StockReceived, quantity=12)
    )


def test_a_code_whose_case_does_not_matter_is_kept_in_one_form() -> None:
    """`mug`, `Mug` and `MUG` are one stock where the SKU says so, for promises too."""
    ledger = given(define("mug", case_policy="upper"), receive(10, sku="mug"))

    ledger.when(sell(2, sku="Mug")).then(happened(StockSold, sku="MUG")).leaving(sellable=8)
    ledger.when(reserve("order-1", None, line(3, sku="muG"))).then(
        happened(StockReserved, sku="MUG", quantity=3), happened(ReservationPlaced)
    )
    ledger.when(fulfil("order-1", line(3, sku="mug"))).leaving(sellable=5, reserved=0)
    ledger.when(define("MUG")).then_refused(IllegalState, case_policy="upper")


def test_codes_are_compared_as_written_unless_their_sku_says_otherwise() -> None:
    """Two defined codes that differ in case only are two SKUs."""
    ledger = given(define("MUG"), define("mug", case_policy="exact"), receive(10, sku="mug"))

    ledger.when(sell(1, sku="MUG")).then(
        happened(StockSold, sku="MUG"), happened(ConflictOpened, kind="negative_stock")
    ).leaving("mug", "ams-1", sellable=10)


def test_folded_codes_meet_across_scripts() -> None:
    """`STRASSE` and `straße` are one where the policy folds."""
    given(define("straße", case_policy="fold"), receive(1, sku="STRASSE")).when(
        sell(1, sku="Straße")
    ).then(happened(StockSold, sku="strasse"))


def test_no_stock_is_kept_of_a_service() -> None:
    """A sale of gift wrapping is answered and changes nothing; the mug beside it is sold."""
    ledger = given(service(), receive(5))

    outcome = ledger.when(together(sell(1, sku="WRAPPING"), sell(1)))

    outcome.then(happened(StockSold, sku="MUG"))
    results = outcome.decision.outcome.results  # type: ignore[union-attr]
    assert "not_stocked" == results[0].status


def test_a_promise_leaves_services_out_and_says_so() -> None:
    """An order of goods and services holds the goods; one of services only holds nothing."""
    ledger = given(service(), receive(5))
    wrapping = line(1, sku="WRAPPING")

    both = ledger.when(reserve("order-1", 2, wrapping))
    both.then(happened(StockReserved, quantity=2), happened(ReservationPlaced))
    assert ["WRAPPING"] == [one.sku for one in both.decision.outcome.not_stocked]  # type: ignore[union-attr]
    ledger.when(fulfil("order-1", line(2), wrapping)).leaving(sellable=3, reserved=0)
    ledger.when(reserve("order-2", None, wrapping)).then_nothing().answering(
        status="not_stocked", lines=()
    )


def test_a_service_may_become_goods_and_its_past_stays_empty() -> None:
    """From the definition on it is stocked; a fact from before is still about a service."""
    ledger = given(service("KIT"), define("KIT"))

    ledger.when(receive(5, sku="KIT", occurred_at=moment(1.5))).then_nothing()
    ledger.when(receive(5, sku="KIT")).then(happened(StockReceived, quantity=5))


def test_a_location_that_does_not_sell_gives_no_promises() -> None:
    """Goods come and go there all the same, and what was promised before can be taken back."""
    ledger = given(receive(10), reserve("order-1", 4), place(sells=False))

    ledger.when(reserve("order-2", 1)).then_refused(IllegalState, what="location", id="ams-1")
    ledger.when(amend("order-1", line(5))).then_refused(IllegalState, what="location")
    ledger.when(amend("order-1", line(3))).leaving(reserved=3)
    ledger.when(sell(1)).then(happened(StockSold))
    ledger.when(release("order-1")).leaving(reserved=0)


def test_a_location_lies_within_defined_ones_and_never_within_itself() -> None:
    """A shelf names its backroom once that is known; a circle is malformed."""
    ledger = given(place("ams-1"), place("ams-1/back", parent="ams-1"))

    ledger.when(place("ams-1/back/7", parent="ams-1/back")).then(
        happened(LocationDefined, parent="ams-1/back")
    )
    ledger.when(place("nyc-2/back", parent="nyc-2")).then_refused(NotFound, id="nyc-2")
    ledger.when(place("ams-1", parent="ams-1/back/7")).then_refused(Malformed, path="$.parent")
    ledger.when(place("loop", parent="loop")).then_refused(Malformed, path="$.parent")


def test_only_its_sources_assert_a_fact_where_a_location_names_them() -> None:
    """A till does not count the warehouse; what is refused leaves no trace."""
    ledger = given(
        place(authority=may(adjust="wms-1", others="wms-1 erp")), receive(5, source="erp")
    )

    ledger.when(adjust(-1, source="till-7")).then_refused(
        Forbidden, source="till-7", asked="adjust", location="ams-1", sources=("wms-1",)
    )
    ledger.when(adjust(-1, source="erp")).then_refused(Forbidden, asked="adjust")
    ledger.when(adjust(-1, source="wms-1")).then(happened(StockAdjusted))
    ledger.when(sell(1)).then_refused(Forbidden, source="unknown", asked="sale")
    ledger.when(sell(1, source="till-7", location="nyc-2")).leaving("MUG", "nyc-2", sellable=-1)


def test_a_fulfilment_is_a_fact_of_its_location() -> None:
    """Goods of a promise leave by the word of those who may say so."""
    given(
        receive(5, source="wms-1"), reserve("order-1", 2), place(authority=may(fulfil="oms"))
    ).when(fulfil("order-1")).then_refused(Forbidden, asked="fulfil", sources=("oms",))


def test_a_strict_catalog_refuses_promises_about_what_nobody_has_defined() -> None:
    """An unknown SKU, then an unknown location; both known, the promise is judged on stock."""
    ledger = strictly_given(define())

    ledger.when(reserve("order-1", None, line(1, sku="LAMP"))).then_refused(
        NotFound, what="sku", id="LAMP"
    )
    ledger.when(reserve("order-1", 1)).then_refused(NotFound, what="location", id="ams-1")
    strictly_given(define(), place(), receive(1)).when(reserve("order-1", 1)).then(
        happened(StockReserved), happened(ReservationPlaced)
    )


def test_a_fulfilment_of_known_goods_is_untouched_by_a_strict_catalog() -> None:
    """Nothing of it waits."""
    strictly_given(define(), place(), receive(2), reserve("order-1", 2)).when(
        fulfil("order-1", line(2))
    ).leaving(sellable=0).then(happened(HoldFulfilled), happened(ReservationFulfilled))
