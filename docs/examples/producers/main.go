// Command producers sends one message to the dispatcher, and prints the id of
// its job.
//
//	BOOTSTRAP_SERVERS=localhost:9092 go run . message.json [KEY] [IDEMPOTENCY_KEY]
//
// For a broker with login give the writer a Transport with SASL and TLS, see
// https://pkg.go.dev/github.com/segmentio/kafka-go.
package main

import (
	"cmp"
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: producers message.json [KEY] [IDEMPOTENCY_KEY]")
	}
	value, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	message := kafka.Message{Value: value}
	if len(os.Args) > 2 {
		message.Key = []byte(os.Args[2])
	}
	if len(os.Args) > 3 {
		message.Headers = []kafka.Header{{Key: "idempotency-key", Value: []byte(os.Args[3])}}
	}
	if err := send(message); err != nil {
		log.Fatal(err)
	}
}

func send(message kafka.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w := &kafka.Writer{
		Addr:         kafka.TCP(strings.Split(cmp.Or(os.Getenv("BOOTSTRAP_SERVERS"), "localhost:9092"), ",")...),
		Topic:        cmp.Or(os.Getenv("OBSERVATION_TOPIC"), "observation"),
		Balancer:     &kafka.Hash{},        // records of one key go to one partition, and so stay in order
		RequiredAcks: kafka.RequireAll,     // the default is not to wait at all
		BatchTimeout: 5 * time.Millisecond, // the default waits a second for company
		Completion: func(sent []kafka.Message, err error) {
			for _, m := range sent {
				if err == nil {
					fmt.Printf("%s-%d-%d\n", m.Topic, m.Partition, m.Offset)
				}
			}
		},
	}
	if err := w.WriteMessages(ctx, message); err != nil {
		return err
	}
	return w.Close()
}
