"""Channels: what they sell from, by which rules, and how stale they are."""

from litestar import put
from litestar.handlers import HTTPRouteHandler

from api.dependencies import HttpRequest
from api.endpoints import READ_CODES, WRITE_CODES, Endpoint, answered, ask, path_id, write
from api.questions import one_of, page_of
from api.schemas import channels as words
from api.schemas.questions import OneQuery, stands_for
from projections.channels.queries import CHANNELS, ChannelFilter

_TAG = "channels"


async def _channel(request: HttpRequest, query: OneQuery) -> words.ChannelDocument:
    found, at, position = await one_of(request, query, CHANNELS, path_id(request), "channel")
    return words.ChannelDocument.of(
        found.event, found.version, found.measured_s, **stands_for(at, position)
    )


async def _channels(request: HttpRequest, query: words.ChannelsQuery) -> words.ChannelsPage:
    found, page = await page_of(request, query, CHANNELS, ChannelFilter())
    items = [words.ChannelItem.of(one.event, one.version, one.measured_s) for one in found]
    return words.ChannelsPage(items=items, **page)


HANDLERS: list[HTTPRouteHandler] = [
    write(
        "/v1/channels/{id:str}",
        method=put,
        name="channels.define",
        operation_id="defineChannel",
        endpoint=Endpoint(
            summary="Say what a channel sells from, and by which rules, from now on",
            tag=_TAG,
            answers={200: words.ChannelAnswer},
            codes=(*WRITE_CODES, "not-found"),
            request=words.ChannelRequest,
            path_id="channel",
            writes=True,
        ),
    ),
    ask(
        "/v1/channels/{id:str}",
        answered(OneQuery, _channel),
        operation_id="getChannel",
        endpoint=Endpoint(
            summary="A channel as it is defined, or was",
            tag=_TAG,
            answers={200: words.ChannelDocument},
            codes=(*READ_CODES, "not-found"),
            query=OneQuery,
            path_id="channel",
        ),
    ),
    ask(
        "/v1/channels",
        answered(words.ChannelsQuery, _channels),
        operation_id="listChannels",
        endpoint=Endpoint(
            summary="Channels, by id",
            tag=_TAG,
            answers={200: words.ChannelsPage},
            codes=READ_CODES,
            query=words.ChannelsQuery,
        ),
    ),
    write(
        "/v1/channels/{id:str}/staleness",
        name="channels.staleness",
        operation_id="reportStaleness",
        endpoint=Endpoint(
            summary="Say how old what a channel shows was found to be",
            tag=_TAG,
            answers={200: words.ChannelAnswer},
            codes=(*WRITE_CODES, "not-found"),
            request=words.StalenessRequest,
            path_id="channel",
            writes=True,
        ),
    ),
]
