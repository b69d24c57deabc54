package compose

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// hostile is what a secret or a name may hold, and what breaks careless files.
const hostile = `p&<a>'"s$HOME${X:?}\w#r: d\`

// variant sets the answers of one question, or of some that belong together.
type variant struct {
	name string
	set  func(*Answers)
}

// combinations calls check with every combination of one variant each.
func combinations(dimensions [][]variant, check func(name string, a *Answers)) {
	var descend func(left [][]variant, names []string, sets []func(*Answers))
	descend = func(left [][]variant, names []string, sets []func(*Answers)) {
		if len(left) == 0 {
			a := Defaults()
			for _, set := range sets {
				set(a)
			}
			check(strings.Join(names, " "), a)
			return
		}
		for _, v := range left[0] {
			descend(left[1:], append(names[:len(names):len(names)], v.name), append(sets[:len(sets):len(sets)], v.set))
		}
	}
	descend(dimensions, nil, nil)
}

// pemFile returns a file that may be mounted.
func pemFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "it's $a.pem")
	if err := os.WriteFile(path, []byte("pem"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func platformDimensions(pem string) [][]variant {
	return [][]variant{
		{
			{"internal", func(a *Answers) {}},
			{"acme", func(a *Answers) { a.TLS, a.FQDN, a.Port = "acme", "ciso.example.org", "443" }},
			{"acme:8443", func(a *Answers) { a.TLS, a.FQDN = "acme", "ciso.example.org" }},
			{"files", func(a *Answers) { a.TLS, a.FQDN, a.CertFile, a.KeyFile = "files", "ciso.example.org", pem, pem }},
		}, {
			{"caddy", func(a *Answers) { a.Proxy = "caddy" }},
			{"traefik", func(a *Answers) { a.Proxy = "traefik" }},
			{"bunkerweb", func(a *Answers) { a.Proxy = "bunkerweb" }},
			{"bunkerweb+ui", func(a *Answers) { a.Proxy, a.ProxyUI, a.ProxyUIPassword = "bunkerweb", true, hostile }},
		}, {
			{"sqlite", func(a *Answers) { a.Database = "sqlite" }},
			{"postgresql", func(a *Answers) { a.Database, a.DatabasePassword = "postgresql", hostile }},
		}, {
			{"", func(a *Answers) {}},
			{"mail", func(a *Answers) { a.MailHost, a.MailUser, a.MailPassword, a.MailFrom = "mail", hostile, hostile, "a@x" }},
			{"plain mail", func(a *Answers) { a.MailHost, a.MailSecurity, a.MailFrom = "mail", "none", "a@x" }},
		}, {
			{"", func(a *Answers) {}},
			{"debug", func(a *Answers) { a.Debug = true }},
		},
	}
}

func dispatcherDimensions(pem string) [][]variant {
	kafka := []variant{{"own kafka", func(a *Answers) {}}}
	for _, protocol := range []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"} {
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
			for _, files := range []int{0, 1, 2} {
				set := func(a *Answers) {
					a.BootstrapServers, a.KafkaProtocol = cmp.Or(a.BootstrapServers, "k1.example.org:9092,"+hostOfDocker+":9092"), protocol
					if a.SASL() {
						a.KafkaMechanism, a.KafkaUser, a.KafkaPassword = mechanism, hostile, hostile
					}
					if files > 0 {
						a.KafkaCAFile = pem
					}
					if files > 1 {
						a.KafkaCertFile, a.KafkaKeyFile = pem, pem
					}
				}
				sasl, tls := strings.HasPrefix(protocol, "SASL"), strings.HasSuffix(protocol, "SSL")
				if !sasl && mechanism != "PLAIN" || !tls && files > 0 {
					continue // not asked
				}
				kafka = append(kafka, variant{protocol + " " + mechanism, set})
			}
		}
	}
	return [][]variant{
		{
			{"no token yet", func(a *Answers) {}},
			{"token", func(a *Answers) { a.Token = hostile }},
			{"password", func(a *Answers) { a.Login, a.Email, a.Password = "password", hostile, hostile }},
			{"password, renewed, results", func(a *Answers) {
				a.Login, a.Email, a.Password, a.AutoRenew, a.ResultsTopic = "password", "a@x", hostile, true, "results"
			}},
		},
		kafka,
		{
			{"", func(a *Answers) {}},
			{"own s3", func(a *Answers) { a.WithS3 = true }},
			{"s3", func(a *Answers) {
				a.S3URL, a.S3AccessKey, a.S3SecretKey, a.S3Region, a.S3CA = "https://s3", hostile, hostile, "eu", pem
			}},
			{"s3 by url", func(a *Answers) { a.S3URL = "http://" + hostOfDocker + ":9000" }},
		},
	}
}
