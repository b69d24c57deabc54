#!/bin/sh
# Send one message to the dispatcher with kcat (apt install kcat).
#
#     BOOTSTRAP_SERVERS=localhost:9092 ./send.sh message.json KEY [IDEMPOTENCY_KEY]
#
# For a broker with login add, for example:
#     -X security.protocol=SASL_SSL -X sasl.mechanism=SCRAM-SHA-512
#     -X sasl.username=ci -X sasl.password="$KAFKA_PASSWORD" -X ssl.ca.location=ca.pem
set -eu
message=$1 key=$2 once=${3:-}
# The file is one record: kcat splits standard input into lines, but not a file
# that is named. acks=all: it is on every in-sync replica before kcat ends.
kcat -P -b "${BOOTSTRAP_SERVERS:-localhost:9092}" -t "${OBSERVATION_TOPIC:-observation}" \
	-X acks=all -k "$key" ${once:+-H "idempotency-key=$once"} "$message"
