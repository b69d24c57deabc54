package main

import (
	"fmt"

	"dispatcher/internal/compose"
)

// composeExamples are the files of two installations, as init-compose writes
// them. Their secrets say what they are, so that nobody takes them for secrets.
func composeExamples() (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, set := range map[string]func(*compose.Answers){"laptop": laptop, "production": production} {
		a := compose.Defaults()
		set(a)
		// No check: the files that a certificate is read from are not there.
		made, err := a.Render(nil)
		if err != nil {
			return nil, fmt.Errorf("example %s: %w", name, err)
		}
		dir := "docs/examples/compose/" + name + "/"
		files[dir+"docker-compose.yml"], files[dir+"env.example"], files[dir+"next-steps.txt"] = made.Compose, made.Env, []byte(made.Steps)
	}
	return files, nil
}

// laptop is `dispatcher init-compose --with-s3 --results-topic results`.
func laptop(a *compose.Answers) {
	a.WithS3, a.ResultsTopic = true, "results"
	a.S3AccessKey, a.S3SecretKey = "an-example-not-a-key", "an-example-not-a-secret"
}

// production has a name, PostgreSQL, mail, and a Kafka and an S3 that are there.
func production(a *compose.Answers) {
	a.FQDN, a.Port, a.TLS, a.Proxy = "ciso.example.org", "443", "acme", "traefik"
	a.Database, a.DatabasePassword = "postgresql", "an-example-not-a-password"
	a.MailHost, a.MailUser, a.MailPassword, a.MailFrom = "mail.example.org", "ciso", "an-example-not-a-password", "ciso@example.org"
	a.BootstrapServers, a.KafkaProtocol, a.KafkaMechanism = "kafka-1.example.org:9093,kafka-2.example.org:9093", "SASL_SSL", "SCRAM-SHA-512"
	a.KafkaUser, a.KafkaPassword, a.KafkaCAFile = "dispatcher", "an-example-not-a-password", "kafka-ca.pem"
	a.S3URL, a.S3AccessKey, a.S3SecretKey = "https://s3.example.org", "an-example-not-a-key", "an-example-not-a-secret"
}
