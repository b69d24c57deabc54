package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// sandboxFile is where the sandbox writes the environment of a dispatcher.
const sandboxFile = "bin/sandbox.env"

// sandbox runs the stand-ins alone until it is interrupted, for whoever wants
// to start the dispatcher and send messages by hand.
func sandbox(ctx context.Context) error {
	s := &stage{}
	defer s.close()
	var err error
	if s.dir, err = os.MkdirTemp("", "dispatcher-sandbox-"); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, func() { _ = os.RemoveAll(s.dir) })
	if err := s.standIns(ctx); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(sandboxFile), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(sandboxFile, []byte(s.exports()), 0o600); err != nil {
		return err
	}
	s.cleanup = append(s.cleanup, func() { _ = os.Remove(sandboxFile) })
	fmt.Printf(`An embedded Kafka (%s), S3 and CISO Assistant API, until Ctrl-C.
The API has applied controls AC-1 to AC-9 and the audit ISO_001. In other terminals:

  . %[2]s
  bin/dispatcher run               # its page: http://127.0.0.1:8642; another port: HTTP_LISTEN=127.0.0.1:PORT

  . %[2]s
  echo '{"message_type":"update_applied_control","selector":{"ref_id":"AC-1"},"values":{"status":"active"}}' >message.json
  go run ./docs/examples/producers message.json AC-1
  bin/dispatcher jobs list
`, s.broker.Addr, sandboxFile)
	<-ctx.Done()
	return nil
}

// exports are the settings for a shell.
func (s *stage) exports() string {
	var b strings.Builder
	for _, variable := range s.settings {
		name, value, _ := strings.Cut(variable, "=")
		fmt.Fprintf(&b, "export %s='%s'\n", name, value)
	}
	return b.String()
}
