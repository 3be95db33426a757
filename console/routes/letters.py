"""Dead letters: the list with filters, one in detail, and what an administrator may do about them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from chassis.pages import FormRefused, checked_form, see_other
from console import letters, rendering
from console.access import Acting, Administrator, Person, Reading
from console.letters import Filter
from console.upstream import SERVICES, Services, UpstreamError, settled
from contracts.topics import STEPS

router = APIRouter()
_AGES = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
_LEAST_REASON = 3


def _filter(step: str, error: str, booking_id: str, within: str) -> Filter:
    age = _AGES.get(within)
    since = "" if age is None else (datetime.now(UTC) - age).isoformat()
    return Filter(step if step in {item.name for item in STEPS} else "", error.strip(), booking_id.strip(), since)


@router.get("/dead-letters")
async def listed(
    request: Request,
    who: Person,
    services: Reading,
    step: str = "",
    error: str = "",
    booking_id: str = "",
    within: str = "",
    after: Annotated[list[str] | None, Query()] = None,
) -> Response:
    """The open dead letters that the filter names, oldest first."""
    chosen = _filter(step, error, booking_id, within)
    tokens = dict(item.split(":", 1) for item in after if ":" in item) if after else None
    found = await letters.page(services, chosen, tokens)
    fields = {"step": chosen.step, "error": chosen.error, "booking_id": chosen.booking_id, "within": within}
    fields = {name: value for name, value in fields.items() if value}
    more = urlencode([*fields.items(), *(("after", f"{name}:{token}") for name, token in found.after.items())])
    return rendering.page(
        request,
        "letters.html",
        who,
        section="letters",
        found=found,
        fields=fields,
        more=more if found.after else "",
        continued=bool(after),
        steps=[item.name for item in STEPS],
        ages=tuple(_AGES),
    )


@router.get("/dead-letters/{service}/{identifier}")
async def shown(request: Request, who: Person, services: Reading, service: str, identifier: str) -> Response:
    """One dead letter: payload, attempts, what waits behind it, acts."""
    letters.parse_reference_parts(service, identifier)
    try:
        letter = await services.get(service, f"/ops/dead-letters/{identifier}")
    except UpstreamError as error:
        if error.status != 404:
            raise
        return rendering.page(request, "letter_gone.html", who, section="letters", reference=f"{service}:{identifier}")
    return rendering.page(
        request,
        "letter.html",
        who,
        section="letters",
        service=service,
        reference=f"{service}:{identifier}",
        letter=letter,
        behind=await _behind(services, service, letter),
        payload=rendering.payload_text(letter["payload"], personal="admin" in who.roles),
        masked="admin" not in who.roles,
    )


async def _behind(services: Services, service: str, letter: dict[str, Any]) -> int | None:
    """How many messages of the same key wait behind this one; None when the service does not say."""
    query = {"step": letter["step"], "booking_id": letter["booking_id"]}
    answers, _ = await settled([("list", services.get(service, "/ops/dead-letters", query))])
    for item in answers.get("list", {"dead_letters": []})["dead_letters"]:
        if item["id"] == letter["id"]:
            return int(item["waiting_behind"])
    return None


def _reason(form: dict[str, str]) -> str:
    reason = form.get("reason", "").strip()
    if len(reason) < _LEAST_REASON:
        raise FormRefused(422, "Give a reason of at least three characters; it goes on record. Nothing was changed.")
    return reason


@router.post("/dead-letters/{service}/{identifier}")
async def act(request: Request, who: Administrator, services: Acting, service: str, identifier: str) -> Response:
    """Replay, rehearse or discard one dead letter, as the button says."""
    form = await checked_form(request)
    letters.parse_reference_parts(service, identifier)
    body: dict[str, Any] = {"reason": _reason(form)}
    if form.get("episode", "").isdigit():
        body["episode"] = int(form["episode"])
    verb, base = form.get("act", ""), f"/ops/dead-letters/{identifier}"
    try:
        if verb == "dry-run":
            rendering.notify(
                request, *_rehearsed(await services.post(service, f"{base}/replay", body, {"dry_run": "true"}))
            )
        elif verb == "replay":
            await services.post(service, f"{base}/replay", body)
            rendering.notify(request, "It is on its way again: the failed step runs the same message.")
        elif verb == "discard":
            await services.post(service, f"{base}/discard", body)
            rendering.notify(request, f"{service}:{identifier} is discarded; what waited behind it goes on.")
            return see_other("/dead-letters")
        else:
            raise FormRefused(422, "Choose replay, dry run or discard. Nothing was changed.")
    except UpstreamError as error:
        rendering.notify(request, f"{error.title}. {error.detail}", "bad")
    return see_other(f"/dead-letters/{service}/{identifier}")


def _rehearsed(answer: dict[str, Any]) -> tuple[str, str]:
    if answer.get("would") == "succeed":
        return "Dry run: it would succeed. Nothing was changed.", "good"
    if answer.get("would") == "fail":
        return f"Dry run: it would fail again, {answer.get('error')}: {answer.get('why')}. Nothing was changed.", "bad"
    return f"Dry run: not possible, {answer.get('why')}. Nothing was changed.", "plain"


@router.post("/replays")
async def begin(request: Request, who: Administrator, services: Acting) -> Response:
    """Replay everything that the filter names, in waves."""
    form = await checked_form(request)
    reason = _reason(form)
    chosen = _filter(*(form.get(name, "") for name in ("step", "error", "booking_id", "within")))
    if form.get("understood") != "yes":
        raise FormRefused(422, "Tick the box that says how many are meant. Nothing was changed.")
    try:
        runs = await letters.begin_replays(services, chosen, reason)
    except UpstreamError as error:
        rendering.notify(request, f"{error}. Runs begun in other services go on.", "bad")
        return see_other("/dead-letters")
    started = [run for run in runs if run["count"]]
    if not started:
        rendering.notify(request, "Nothing matched the filter; nothing was changed.", "plain")
        return see_other("/dead-letters")
    return see_other("/replays?" + urlencode([("run", f"{run['service']}:{run['id']}") for run in started]))


async def _progress(services: Services, runs: list[str]) -> list[dict[str, Any]]:
    calls = []
    for run in runs[: len(SERVICES)]:
        service, _, identifier = run.partition(":")
        try:
            calls.append((run, letters.progress(services, service, str(UUID(identifier)))))
        except ValueError:
            raise FormRefused(422, "This is no replay of ours.") from None
    answers, missing = await settled(calls)
    for error in missing.values():
        raise error
    return [answers[run] for run, _ in calls]


@router.get("/replays")
async def replays(request: Request, who: Person, services: Reading, run: Annotated[list[str], Query()]) -> Response:
    """The progress of bulk replays."""
    shown = await _progress(services, run)
    query = urlencode([("run", item) for item in run])
    return rendering.page(request, "replays.html", who, section="letters", runs=shown, query=query)


@router.get("/live/replays")
async def live(request: Request, who: Person, services: Reading, run: Annotated[list[str], Query()]) -> Response:
    """The part of the progress page that changes."""
    return rendering.page(request, "replays_live.html", who, runs=await _progress(services, run))
