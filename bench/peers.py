#!/usr/bin/env python3
"""One measured run of a Python consumer: peers.py LIBRARY MODE BROKERS TOPIC COUNT. Prints a JSON line.

As a producer: peers.py confluent-produce async|sync BROKERS TOPIC COUNT ROWS SETTINGS (JSON)."""
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


def confluent_produce(mode, brokers, topic, count, rows, settings):
    from confluent_kafka import Producer
    import itertools
    import re
    with open(rows, encoding="utf-8") as lines:
        messages = [line.rstrip("\n") for line in itertools.islice(lines, 20_000)]
    found = ((re.search(r'"tailnum":"([^"]*)"', row) or re.search(r'"flight":(\d+)', row)) for row in messages)
    messages = [(row, match.group(1)) for row, match in zip(messages, found)]
    producer, failures, latencies = Producer({"bootstrap.servers": brokers, **settings}), [], []

    def report(error, _message):
        if error:
            failures.append(error)

    def send(count):
        for row, key in itertools.islice(itertools.cycle(messages), count):
            started = time.monotonic()
            while True:
                try:
                    producer.produce(topic, row, key, on_delivery=report)
                    break
                except BufferError:
                    producer.poll(0.01)
            producer.poll(0)
            if mode == "sync":
                producer.flush()
                latencies.append((time.monotonic() - started) * 1e3)
        producer.flush()

    send(200 if mode == "sync" else 20_000)
    latencies.clear()
    start, cpu = time.monotonic(), Meter.cpu()
    send(count)
    seconds, cpu = time.monotonic() - start, Meter.cpu() - cpu
    if failures:
        sys.exit(f"{len(failures)} messages failed: {failures[0]}")
    result = {"messages": count, "seconds": seconds, "per_second": count / seconds, "cpu_s_per_million": cpu / count * 1e6,
              "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}
    if latencies:
        latencies.sort()
        result.update(p50_ms=latencies[len(latencies) // 2], p99_ms=latencies[int(len(latencies) * 0.99)])
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "confluent-produce":
        confluent_produce(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]), sys.argv[6], json.loads(sys.argv[7]))
        sys.exit()
    library, mode, brokers, topic, count = sys.argv[1:]
    measured = Meter(mode, int(count))
    if library == "confluent":
        confluent(measured, brokers, topic)
    else:
        asyncio.run(aio(measured, brokers, topic))
