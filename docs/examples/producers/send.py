#!/usr/bin/env python3
"""Send one message to the dispatcher, and print the id of its job.

    pip install kafka-python        # or: apt install python3-kafka
    BOOTSTRAP_SERVERS=localhost:9092 python3 send.py message.json [KEY] [IDEMPOTENCY_KEY]

For a broker with login add to the producer, for example:
    security_protocol="SASL_SSL", sasl_mechanism="SCRAM-SHA-512",
    sasl_plain_username="ci", sasl_plain_password=os.environ["KAFKA_PASSWORD"], ssl_cafile="ca.pem"
"""
import os
import sys

from kafka import KafkaProducer

path = sys.argv[1]
key = sys.argv[2].encode() if len(sys.argv) > 2 else None
headers = [("idempotency-key", sys.argv[3].encode())] if len(sys.argv) > 3 else []
with open(path, "rb") as file:
    message = file.read()

producer = KafkaProducer(
    bootstrap_servers=os.environ.get("BOOTSTRAP_SERVERS", "localhost:9092").split(","),
    acks="all",  # it is on every in-sync replica before we say that it was sent
    retries=5,
)
topic = os.environ.get("OBSERVATION_TOPIC", "observation")
sent = producer.send(topic, value=message, key=key, headers=headers).get(timeout=30)
producer.close()
print(f"{sent.topic}-{sent.partition}-{sent.offset}")
