"""A member of another library on librdkafka: notes each payload, stores offsets by hand, commits at revocation and at the end,
as today's Ruby framework does. Its settings come in VERIFY_OPTIONS."""

import json
import os
import signal

from confluent_kafka import Consumer

options = json.loads(os.environ["VERIFY_OPTIONS"])
running = True


def stop(_signal, _frame):
    global running
    running = False


def revoked(consumer, partitions):
    try:
        consumer.commit(asynchronous=False)
    except Exception as error:  # nothing stored yet, or the group has gone on
        print("commit at revocation:", error, flush=True)


signal.signal(signal.SIGTERM, stop)
consumer = Consumer({
    "bootstrap.servers": options["brokers"],
    "group.id": options["group"],
    "client.id": "karafka",
    "auto.offset.reset": "earliest",
    "enable.auto.offset.store": False,
    "auto.commit.interval.ms": 200,
    **options["kafka"],
})
consumer.subscribe([options["topic"]], on_revoke=revoked)
with open(options["journal"], "a", buffering=1) as journal:
    while running:
        message = consumer.poll(0.1)
        if message is None:
            continue
        if message.error():
            print(message.error(), flush=True)
            continue
        journal.write(message.value().decode() + "\n")
        consumer.store_offsets(message)
consumer.close()
