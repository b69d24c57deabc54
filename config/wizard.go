package config

import (
	"errors"
	"fmt"
	"io"
	"maps"

	"github.com/charmbracelet/huh"

	"dispatcher/internal/ask"
)

// Wizard asks for the settings that an installation needs. values are what is
// known already; the answers come back, by key. accessible asks line by line,
// for terminals that can do no more; terminal says that there is one, so that
// what is typed as a secret is not echoed.
func Wizard(in io.Reader, out io.Writer, accessible, terminal bool, values map[string]string) (map[string]string, error) {
	asker := ask.Asker{In: in, Out: out, Accessible: accessible, Terminal: terminal}
	a := newAnswers(values)
	a.hidden = asker.Hidden()
	if err := asker.Ask(a.askAPI, a.askToken, a.askPassword, a.askKafka, a.askSASL, a.askTLS, a.askS3, a.askS3Keys); err != nil {
		return nil, err
	}
	return a.result(), nil
}

// answers are the fields of the form.
type answers struct {
	known                               map[string]string
	url, login, token, email, password  string
	servers, observation, errorsTopic   string
	protocol, mechanism, user, kafkaKey string
	caFile, s3URL, accessKey, secretKey string
	verify, renew, useS3                bool
	hidden                              huh.EchoMode
}

func newAnswers(known map[string]string) *answers {
	get := func(key, otherwise string) string {
		if v := known[key]; v != "" {
			return v
		}
		return otherwise
	}
	a := &answers{
		known: known, url: get("rest.url", "https://localhost:8443"), login: "token",
		token: known["credentials.token"], email: known["credentials.email"], password: known["credentials.password"],
		servers: get("bootstrap_servers", "localhost:9092"), observation: get("observation_topic", "observation"),
		errorsTopic: get("errors_topic", "errors"), protocol: get("kafka.security_protocol", "PLAINTEXT"),
		mechanism: get("kafka.sasl_mechanism", "PLAIN"), user: known["kafka.sasl_plain_username"],
		kafkaKey: known["kafka.sasl_plain_password"], caFile: known["kafka.ssl_cafile"],
		s3URL: get("s3_url", "http://localhost:9000"), accessKey: known["s3_access_key"], secretKey: known["s3_secret_key"],
		useS3: known["s3_access_key"] != "",
	}
	a.verify, _ = parseBool(get("rest.verify_certificate", "true"))
	a.renew, _ = parseBool(get("auto_renew_session", "false"))
	if a.email != "" && a.token == "" {
		a.login = "password"
	}
	return a
}

func (a *answers) askAPI() *huh.Group {
	return huh.NewGroup(
		huh.NewInput().Title("Address of CISO Assistant").Value(&a.url).Validate(filled),
		huh.NewConfirm().Title("Verify its TLS certificate?").Value(&a.verify),
		huh.NewSelect[string]().Title("How does the dispatcher log in?").Value(&a.login).Options(
			huh.NewOption("personal access token", "token"), huh.NewOption("e-mail and password", "password")),
	)
}

func (a *answers) askToken() *huh.Group {
	if a.login != "token" {
		return nil
	}
	return huh.NewGroup(
		huh.NewInput().Title("Personal access token").EchoMode(a.hidden).Value(&a.token),
	)
}

func (a *answers) askPassword() *huh.Group {
	if a.login != "password" {
		return nil
	}
	return huh.NewGroup(
		huh.NewInput().Title("E-mail").Value(&a.email),
		huh.NewInput().Title("Password").EchoMode(a.hidden).Value(&a.password),
		huh.NewConfirm().Title("Log in again when the session has ended?").Value(&a.renew),
	)
}

func (a *answers) askKafka() *huh.Group {
	return huh.NewGroup(
		huh.NewInput().Title("Kafka brokers, comma separated").Value(&a.servers).Validate(filled),
		huh.NewInput().Title("Topic of the messages").Value(&a.observation).Validate(topicName),
		huh.NewInput().Title("Topic of the failures").Value(&a.errorsTopic).Validate(topicName),
		huh.NewSelect[string]().Title("Security of the Kafka connection").Value(&a.protocol).Options(
			huh.NewOptions("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")...),
	)
}

func (a *answers) askSASL() *huh.Group {
	if !a.usesSASL() {
		return nil
	}
	return huh.NewGroup(
		huh.NewSelect[string]().Title("SASL mechanism").Value(&a.mechanism).Options(
			huh.NewOptions("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")...),
		huh.NewInput().Title("Kafka user").Value(&a.user).Validate(filled),
		huh.NewInput().Title("Kafka password").EchoMode(a.hidden).Value(&a.kafkaKey).Validate(filled),
	)
}

func (a *answers) askTLS() *huh.Group {
	if a.protocol != "SSL" && a.protocol != "SASL_SSL" {
		return nil
	}
	return huh.NewGroup(
		huh.NewInput().Title("CA file of the Kafka brokers (empty: the system's)").Value(&a.caFile),
	)
}

func (a *answers) askS3() *huh.Group {
	return huh.NewGroup(
		huh.NewConfirm().Title("Fetch attachments from S3?").Value(&a.useS3),
	)
}

func (a *answers) askS3Keys() *huh.Group {
	if !a.useS3 {
		return nil
	}
	return huh.NewGroup(
		huh.NewInput().Title("S3 address").Value(&a.s3URL),
		huh.NewInput().Title("S3 access key (empty: the usual credential chain)").Value(&a.accessKey),
		huh.NewInput().Title("S3 secret key").EchoMode(a.hidden).Value(&a.secretKey),
	)
}

func (a *answers) usesSASL() bool { return a.protocol == "SASL_PLAINTEXT" || a.protocol == "SASL_SSL" }

// result returns the answers, with what was known and not asked for.
func (a *answers) result() map[string]string {
	values := maps.Clone(a.known)
	if values == nil {
		values = make(map[string]string)
	}
	set := func(key, value string) {
		delete(values, key)
		if value != "" {
			values[key] = value
		}
	}
	set("rest.url", a.url)
	set("rest.verify_certificate", fmt.Sprint(a.verify))
	set("bootstrap_servers", a.servers)
	set("observation_topic", a.observation)
	set("errors_topic", a.errorsTopic)
	set("kafka.security_protocol", a.protocol)
	set("kafka.ssl_cafile", a.caFile)
	if a.login == "token" {
		set("credentials.token", a.token)
		set("credentials.email", "")
		set("credentials.password", "")
	} else {
		set("credentials.token", "")
		set("credentials.email", a.email)
		set("credentials.password", a.password)
		set("auto_renew_session", fmt.Sprint(a.renew))
	}
	if a.usesSASL() {
		set("kafka.use_auth", "true")
		set("kafka.sasl_mechanism", a.mechanism)
		set("kafka.sasl_plain_username", a.user)
		set("kafka.sasl_plain_password", a.kafkaKey)
	}
	if a.useS3 {
		set("s3_url", a.s3URL)
		set("s3_access_key", a.accessKey)
		set("s3_secret_key", a.secretKey)
	}
	return values
}

func filled(s string) error {
	if s == "" {
		return errors.New("cannot be empty")
	}
	return nil
}

func topicName(s string) error {
	if s == "" || !validTopic(s) {
		return errors.New("letters, digits, . _ and - only")
	}
	return nil
}
