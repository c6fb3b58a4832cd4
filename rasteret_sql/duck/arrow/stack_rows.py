"""Plans of stacks as the hidden column that the reading kernel gets, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rasteret_sql.duck.arrow.chip_source import plan_of, source_row
from rasteret_sql.geo.grid import Grid
from rasteret_sql.geotiff.scaling import Scaling
from rasteret_sql.raster.read.chip_plan import ChipPlan
from rasteret_sql.raster.stack.aligned_plan import AlignedPlan
from rasteret_sql.raster.stack.stack_plan import Member, StackPlan
from rasteret_sql.raster.warp.warp_plan import WarpPlan


def stack_source_row(plan: StackPlan, on_error: str) -> dict[str, Any]:
    """The plans of all members as one text in JSON."""
    place = plan.place
    values = {
        "members": [member_row(member) for member in plan.members],
        "answered": plan.answered,
        "place": vars(place),
        "dtype": plan.dtype,
        "nodata": plan.nodata,
        "all_touched": plan.all_touched,
        "physical": plan.physical,
        "mask": plan.mask,
        "names": plan.names,
        "scaled": plan.scaled,
    }
    return {"stack": json.dumps(values), "aoi": plan.aoi, "on_error": on_error, "held": plan.byte_count}


def member_row(member: Member) -> dict[str, Any]:
    """A member as JSON has it."""
    row: dict[str, Any] = {"dtype": member.dtype, "nodata": member.nodata, "scaling": member.scaling}
    if member.plan is None:
        return row
    aligned = member.plan if isinstance(member.plan, AlignedPlan) else None
    plan = aligned.source if aligned is not None else member.plan
    assert isinstance(plan, ChipPlan | WarpPlan), "the source of an aligned plan is a file's"
    source = source_row(plan, "fail")
    row["plan"] = {
        "stored": source["stored"],
        "plan": source["plan"].hex(),
        "warp": source.get("warp"),
    }  # the area is the stack's
    if aligned is not None:
        row["aligned"] = {"crs": aligned.crs, "name": aligned.name}
    return row


def stack_of(row: Mapping[str, Any]) -> StackPlan:
    """The plan in one hidden column value."""
    values = json.loads(row["stack"])
    place = Grid(**values["place"] | {"transform": tuple(values["place"]["transform"])})
    return StackPlan(
        members=tuple(member_of(member, place) for member in values["members"]),
        answered=tuple(values["answered"]),
        place=place,
        dtype=values["dtype"],
        nodata=values["nodata"],
        aoi=row["aoi"],
        all_touched=values["all_touched"],
        physical=values["physical"],
        mask=values["mask"],
        names=values["names"],
        scaled=values["scaled"],
    )


def member_of(row: Mapping[str, Any], place: Grid) -> Member:
    """The member that was made into a row."""
    return Member(
        plan=_plan(row, place) if "plan" in row else None,
        dtype=row["dtype"],
        nodata=row["nodata"],
        scaling=None if row["scaling"] is None else Scaling(*row["scaling"]),
    )


def _plan(row: Mapping[str, Any], place: Grid) -> ChipPlan | AlignedPlan | WarpPlan:
    plan = plan_of({**row["plan"], "plan": bytes.fromhex(row["plan"]["plan"]), "aoi": None, "math": None})
    if "aligned" in row:
        assert isinstance(plan, ChipPlan), "the source of an aligned plan is a file's"
        return AlignedPlan(source=plan, target=place, **row["aligned"])
    assert isinstance(plan, ChipPlan | WarpPlan), "no expression is a member"
    return plan
