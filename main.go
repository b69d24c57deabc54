// Command dispatcher reads commands from a Kafka topic and carries them out on
// CISO Assistant through its REST API. See README.md.
package main

import (
	"os"

	"dispatcher/internal/cli"
)

func main() {
	os.Exit(cli.Main(os.Args, cli.System()))
}
