#!/usr/bin/env python3
"""One measured run of a Python consumer: peers.py LIBRARY MODE BROKERS TOPIC COUNT. Prints a JSON line."""
import asyncio
import json
import os
import resource
import sys
import time


class Meter:
    """Counts from the first batch on, as the other measured programs do."""

    def __init__(self, mode, count):
        self.mode, self.count, self.seen, self.checksum, self.start = mode, count, 0, 0, None

    def started(self):
        if self.start is None:
            self.start = (time.monotonic(), self.cpu())

    @staticmethod
    def cpu():
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return usage.ru_utime + usage.ru_stime

    def add(self, payloads, size):
        if self.mode == "raw":
            self.checksum += sum(len(payload) for payload in payloads)
        elif self.mode == "json":
            self.checksum += sum(json.loads(payload)["distance"] for payload in payloads)
        self.seen += size
        return self.seen >= self.count

    def report(self):
        seconds, cpu = time.monotonic() - self.start[0], self.cpu() - self.start[1]
        print(json.dumps({"messages": self.seen, "seconds": seconds, "per_second": self.seen / seconds,
                          "cpu_s_per_million": cpu / self.seen * 1e6, "checksum": self.checksum,
                          "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}), flush=True)


def confluent(meter, brokers, topic):
    from confluent_kafka import Consumer
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": f"peer-{os.getpid()}-{time.time_ns()}",
                         "auto.offset.reset": "earliest", "fetch.queue.backoff.ms": 10})
    consumer.subscribe([topic])
    while True:
        batch = consumer.consume(1000, 0.1)
        if not batch:
            continue
        meter.started()
        if meter.add((message.value() for message in batch), len(batch)):
            meter.report()
            os._exit(0)


async def aio(meter, brokers, topic):
    from aiokafka import AIOKafkaConsumer
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=brokers, group_id=f"peer-{os.getpid()}-{time.time_ns()}",
                                auto_offset_reset="earliest")
    await consumer.start()
    while True:
        for batch in (await consumer.getmany(timeout_ms=100, max_records=1000)).values():
            meter.started()
            if meter.add((message.value for message in batch), len(batch)):
                meter.report()
                os._exit(0)


if __name__ == "__main__":
    library, mode, brokers, topic, count = sys.argv[1:]
    measured = Meter(mode, int(count))
    if library == "confluent":
        confluent(measured, brokers, topic)
    else:
        asyncio.run(aio(measured, brokers, topic))
