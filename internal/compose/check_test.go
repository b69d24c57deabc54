package compose

import (
	"strings"
	"testing"
)

func TestAnswersThatCannotWorkAreRefusedWithTheRemedy(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set  func(*Answers)
		says string
	}{
		"unknown proxy":         {func(a *Answers) { a.Proxy = "nginx" }, "caddy, traefik, bunkerweb"},
		"port":                  {func(a *Answers) { a.Port = "99999" }, "1 to 65535"},
		"address as name":       {func(a *Answers) { a.FQDN = "https://x" }, "without https://"},
		"acme for localhost":    {func(a *Answers) { a.TLS = "acme" }, "--tls internal"},
		"files without files":   {func(a *Answers) { a.TLS = "files" }, "--cert and --key"},
		"files unused":          {func(a *Answers) { a.CertFile = "x" }, "--tls files"},
		"no such file":          {func(a *Answers) { a.TLS, a.CertFile, a.KeyFile = "files", "/no/cert", "/no/key" }, "no such file"},
		"same topics":           {func(a *Answers) { a.ErrorTopic = "observation" }, "name another"},
		"same results topic":    {func(a *Answers) { a.ResultsTopic = "errors" }, "name another"},
		"bad topic":             {func(a *Answers) { a.ObservationTopic = "a b" }, "not a topic name"},
		"broker of the host":    {func(a *Answers) { a.BootstrapServers = "k:9092,localhost:9092" }, "host.docker.internal"},
		"broker without port":   {func(a *Answers) { a.BootstrapServers = "k" }, "host:port"},
		"own kafka with SASL":   {func(a *Answers) { a.KafkaProtocol = "SASL_SSL" }, "--bootstrap-servers"},
		"SASL without user":     {func(a *Answers) { a.BootstrapServers, a.KafkaProtocol = "k:1", "SASL_SSL" }, "--kafka-user"},
		"s3 of the host":        {func(a *Answers) { a.S3URL = "http://127.0.0.1:9000" }, "host.docker.internal"},
		"two s3":                {func(a *Answers) { a.S3URL, a.WithS3 = "http://s:1", true }, "keep one"},
		"half a key":            {func(a *Answers) { a.S3URL, a.S3AccessKey = "http://s:1", "canary" }, "both or none"},
		"secret with two lines": {func(a *Answers) { a.Token = "canary\nX=1" }, "line break"},
		"password login":        {func(a *Answers) { a.Login = "password" }, "--email"},
		"mail without sender":   {func(a *Answers) { a.MailHost = "mail" }, "--mail-from"},
	} {
		a := Defaults()
		c.set(a)
		err := a.Check()
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.ContainsAny(err.Error(), "\n") || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
