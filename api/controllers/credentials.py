"""Who may read as a channel: issued, listed, revoked."""

import secrets
from typing import Final

import msgspec
from litestar.handlers import HTTPRouteHandler, post

from api.commands import Answer, refused
from api.dependencies import HttpRequest, backend_of, visit_of
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id
from api.front_door import Reply, body_of
from api.operations.credentials import ISSUE, REVOKE
from api.problems import Problem, problem_of
from api.questions import asking, malformed
from api.schemas import credentials as words
from api.schemas.fields import ID, instant_of
from api.schemas.reading import check_encoding, read
from ledger.domain.refusals import NotFound
from ledger.domain.values import Instant
from projections.channels.queries import credentials_of, get_channel
from projections.progress import wait_for

_TAG: Final = "channels"
_ONCE: Final = (
    "under this key a credential was issued, or something else was done; an answer that holds a"
    " secret is not given twice: list the credentials, revoke what nobody holds, and issue another"
    " under a new key"
)
_NEVER_KEPT: Final = ("Cache-Control", "no-store")


async def _issue(request: HttpRequest) -> Reply:
    backend, visit, channel = backend_of(request), visit_of(request), path_id(request)
    body = await body_of(request.receive, backend.settings.body_bytes_max)
    check_encoding(body)
    asked = read(words.REQUEST, body or b"{}")
    user = backend.admission.new_user()
    command = words.IssueCommand(
        credential_id=asked.credential_id or f"credential-{secrets.token_hex(4)}",
        public_key=bytes(user.public_key).decode(),
        expires_at=asked.expires_at,
    )
    answer = await backend.carry_out(ISSUE, channel, visit, msgspec.json.encode(command))
    if answer.code is not None:
        backend.metrics.refused(answer.code)
        once = answer.code == "idempotency-conflict"
        problem = Problem(answer.code, _ONCE, key=visit.key)
        return Reply(refused(problem, visit.correlation_id) if once else answer)
    issued = words.ANSWER.decode(answer.body)
    ends = instant_of(asked.expires_at, "$.expires_at")
    text = backend.admission.credentials(channel, user, issued.credential_id, ends)
    whole = words.IssuedAnswer(**msgspec.structs.asdict(issued), credentials=text)
    headers = (_NEVER_KEPT, await _in_force(request, issued.position))
    return Reply(Answer(201, msgspec.json.encode(whole), headers=headers))


async def _revoke(request: HttpRequest) -> Reply:
    backend, visit, channel = backend_of(request), visit_of(request), path_id(request)
    credential_id = str(request.scope["path_params"]["credential_id"])
    if ID.fullmatch(credential_id) is None:
        raise malformed("credential_id", f"must match {ID.pattern}, is {credential_id[:130]!r}")
    command = words.RevokeCommand(credential_id=credential_id)
    answer = await backend.carry_out(REVOKE, channel, visit, msgspec.json.encode(command))
    if answer.code is not None:
        backend.metrics.refused(answer.code)
        return Reply(answer)
    revoked = words.ANSWER.decode(answer.body)
    headers = (*answer.headers, await _in_force(request, revoked.position))
    return Reply(Answer(answer.status, answer.body, headers=headers))


async def _in_force(request: HttpRequest, position: int) -> tuple[str, str]:
    known = await backend_of(request).admission.in_force(position)
    return words.IN_FORCE, "true" if known else "false"


async def _list(request: HttpRequest, query: words.CredentialsQuery) -> words.CredentialsAnswer:
    backend, channel = backend_of(request), path_id(request)
    now: Instant = backend.clock.now()
    async with asking():
        patience_s = backend.settings.min_position_wait_ms / 1000
        await wait_for(backend.pool, "channels", query.min_position, patience_s)
        found = await credentials_of(backend.pool, channel)
        if not found.items and (await get_channel(backend.pool, channel, now)).answer is None:
            raise problem_of(NotFound("channel", channel))
    items = [words.CredentialItem.of(one, now) for one in found.items]
    return words.CredentialsAnswer(items=items, position=found.position)


HANDLERS: list[HTTPRouteHandler] = [
    ask(
        "/v1/channels/{id:str}/credentials",
        _issue,
        method=post,
        operation_id="issueCredential",
        endpoint=Endpoint(
            summary="Let somebody read as a channel; the answer holds his secret, once",
            tag=_TAG,
            answers={201: words.IssuedAnswer},
            codes=(*WRITE_CODES, "not-found", "id-taken", "illegal-state"),
            request=words.IssueRequest,
            body_required=False,
            path_id="channel",
            headers=(words.IN_FORCE,),
            writes=True,
        ),
    ),
    ask(
        "/v1/channels/{id:str}/credentials",
        answered(words.CredentialsQuery, _list),
        operation_id="listCredentials",
        endpoint=Endpoint(
            summary="Who may read as a channel, and who could",
            tag=_TAG,
            answers={200: words.CredentialsAnswer},
            codes=(*READ_CODES, "not-found"),
            query=words.CredentialsQuery,
            path_id="channel",
        ),
    ),
    ask(
        "/v1/channels/{id:str}/credentials/{credential_id:str}/revoke",
        _revoke,
        method=post,
        operation_id="revokeCredential",
        endpoint=Endpoint(
            summary="Let nobody read with a credential any more: who is connected is cut off",
            tag=_TAG,
            answers={200: words.CredentialAnswer},
            codes=(*WRITE_CODES, "not-found"),
            path_id="channel",
            path_second="credential_id",
            headers=(words.IN_FORCE,),
            writes=True,
        ),
    ),
]
