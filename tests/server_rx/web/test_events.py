"""Following the store: news in order, heartbeats in between, room for so many."""

import asyncio
import dataclasses

import pytest

from server_rx.errors import BusyError
from server_rx.web import events
from server_rx.web.events import Events


@pytest.fixture
def following(store, monkeypatch):
    monkeypatch.setattr(events, "_LOOK_S", 0.01)
    monkeypatch.setattr(events, "_HEARTBEAT_S", 0.03)
    return Events(store, lambda stored: stored.observation_id)


def test_silence_is_filled_with_heartbeats(following):
    async def listen():
        stream = await following.listen(None)
        assert (await anext(stream)).startswith("retry: ")
        return await anext(stream)

    assert asyncio.run(listen()).startswith(":")  # a comment: clients pass over it


def test_maps_of_another_receiver_on_the_same_store_are_told_too(following, store, record):
    async def listen():
        stream = await following.listen(None)
        await anext(stream)
        await asyncio.to_thread(store.save, record)  # and nobody calls wake()
        while (news := await anext(stream)).startswith(":"):
            pass
        return news

    assert asyncio.run(listen()) == "id: 1\nevent: map\ndata: block-1\n\n"


def test_who_comes_back_is_told_what_was_missed_and_nothing_twice(following, store, record):
    for number in range(1, 4):
        store.save(dataclasses.replace(record, observation_id=f"block-{number}"))

    async def listen():
        stream = await following.listen(1)
        await anext(stream)
        return [await anext(stream), await anext(stream)]

    assert [text.splitlines()[0] for text in asyncio.run(listen())] == ["id: 2", "id: 3"]


def test_who_followed_a_longer_store_before_is_told_what_comes_next(following, store, record):
    async def listen():
        stream = await following.listen(99)
        await anext(stream)
        await asyncio.to_thread(store.save, record)
        while (news := await anext(stream)).startswith(":"):
            pass
        return news

    assert asyncio.run(asyncio.wait_for(listen(), 20)).startswith("id: 1\n")


def test_closing_ends_every_stream(following):
    async def listen():
        stream = await following.listen(None)
        await anext(stream)
        following.close()
        return [text async for text in stream]

    assert asyncio.run(listen()) == []


def test_too_many_listeners_are_put_off_until_one_leaves(following, monkeypatch):
    monkeypatch.setattr(events, "MAX_LISTENERS", 1)

    async def listen():
        first = await following.listen(None)
        await anext(first)
        with pytest.raises(BusyError, match="1 clients"):
            await following.listen(None)
        await first.aclose()
        second = await following.listen(None)
        return await anext(second)

    assert asyncio.run(listen()).startswith("retry: ")
