# SPDX-License-Identifier: MIT
"""A slow link on loopback: a TCP proxy that delays what passes and lets it through at a rate.

Both directions have the same delay and rate; all connections share them, as on one line. At most
QUEUE_BYTES wait for the line, as in a router; then the proxy reads no more and TCP holds the
sender up. Kernel estimates of a connection's round trip see loopback, not this link: what a server
measures with its own messages is right, what it asks the kernel is not.
"""
import asyncio
import contextlib
import socket
import threading
import time

CHUNK_BYTES = 4096
QUEUE_BYTES = 64 * 1024
SOCKET_BUFFER_BYTES = 32 * 1024


class Direction:
    """One direction of the line: when it is free again, and what has passed."""

    def __init__(self, delay, rate):
        self.delay = delay
        self.rate = rate
        self.free_at = 0.0
        self.passed = 0

    async def admit(self, size):
        """Waits for room in the queue; returns when the bytes arrive at the other end."""
        while (self.free_at - time.monotonic()) * self.rate > QUEUE_BYTES:
            await asyncio.sleep(0.002)
        self.free_at = max(self.free_at, time.monotonic()) + size / self.rate
        self.passed += size
        return self.free_at + self.delay


async def deliver(arrivals, writer):
    while True:
        when, data = await arrivals.get()
        await asyncio.sleep(max(0, when - time.monotonic()))
        if not data:
            break
        writer.write(data)
        await writer.drain()
    writer.close()


async def pump(reader, writer, direction):
    arrivals = asyncio.Queue()
    delivery = asyncio.create_task(deliver(arrivals, writer))
    with contextlib.suppress(OSError):
        while data := await reader.read(CHUNK_BYTES):
            arrivals.put_nowait((await direction.admit(len(data)), data))
    arrivals.put_nowait((time.monotonic() + direction.delay, b""))
    with contextlib.suppress(OSError):
        await delivery


class Link:
    """Use as a context manager; connect to `port` instead of `target_port`."""

    def __init__(self, target_port, round_trip_ms, megabits):
        delay, rate = round_trip_ms / 2000, megabits * 1e6 / 8
        self.target_port = target_port
        self.up, self.down = Direction(delay, rate), Direction(delay, rate)
        self.port = self.listener = None
        self.tasks = set()  # the loop holds tasks only weakly
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.listen())
        self.ready.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.finish())
        self.loop.close()

    async def finish(self):
        self.listener.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def listen(self):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        listener.bind(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self.listener = await asyncio.start_server(self.accept, sock=listener, limit=CHUNK_BYTES)

    def accept(self, reader, writer):
        self.tasks.add(self.loop.create_task(self.carry(reader, writer)))

    async def carry(self, reader, writer):
        onward = socket.socket()
        onward.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER_BYTES)
        onward.setblocking(False)
        await self.loop.sock_connect(onward, ("127.0.0.1", self.target_port))
        for sock in (onward, writer.get_extra_info("socket")):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server_reader, server_writer = await asyncio.open_connection(sock=onward,
                                                                     limit=CHUNK_BYTES)
        await asyncio.gather(pump(reader, server_writer, self.up),
                             pump(server_reader, writer, self.down))

    def __enter__(self):
        self.thread.start()
        self.ready.wait()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
