package compose

import (
	"io"
	"strings"
	"testing"

	"dispatcher/internal/ask"
)

func TestTheWizardAsksLineByLine(t *testing.T) {
	t.Parallel()
	a := Defaults()
	lines := []string{
		"ciso.example.org", "443", "2", "2", // name, port, Let's Encrypt, traefik
		"2", "db1", "user1", "pw1", // postgresql
		"n", "n", // mail, debug
		"y", "img:1", "1", "tok", // dispatcher, token
		"obs", "err", "res", "2", "k:9093", "4", "3", "ku", "kp", "", "", "", // Kafka that is there, SASL_SSL, SCRAM-SHA-512
		"3", "https://s3.example.org", "ak", "sk",
	}
	err := a.Ask(ask.Asker{In: strings.NewReader(strings.Join(lines, "\n") + "\n"), Out: io.Discard, Accessible: true})
	if err != nil {
		t.Fatal(err)
	}
	want := Defaults()
	want.FQDN, want.Port, want.TLS, want.Proxy = "ciso.example.org", "443", "acme", "traefik"
	want.Database, want.DatabaseName, want.DatabaseUser, want.DatabasePassword = "postgresql", "db1", "user1", "pw1"
	want.Image, want.Token, want.ObservationTopic, want.ErrorTopic = "img:1", "tok", "obs", "err"
	want.ResultsTopic = "res"
	want.BootstrapServers, want.KafkaProtocol, want.KafkaMechanism = "k:9093", "SASL_SSL", "SCRAM-SHA-512"
	want.KafkaUser, want.KafkaPassword = "ku", "kp"
	want.S3URL, want.S3AccessKey, want.S3SecretKey = "https://s3.example.org", "ak", "sk"
	if *a != *want {
		t.Errorf("answers\n%+v\nwant\n%+v", *a, *want)
	}
	if err := a.Check(); err != nil {
		t.Error(err)
	}
}

func TestEnterTakesWhatIsKnown(t *testing.T) {
	t.Parallel()
	a := Defaults()
	if err := a.Ask(ask.Asker{In: strings.NewReader(strings.Repeat("\n", 40)), Out: io.Discard, Accessible: true}); err != nil {
		t.Fatal(err)
	}
	if *a != *Defaults() {
		t.Errorf("answers %+v, not the defaults", *a)
	}
}
