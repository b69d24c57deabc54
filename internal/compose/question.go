package compose

import "slices"

// Question is one thing that an installation is asked.
type Question struct {
	Flag    string // its name on the command line
	Env     string // the variable that answers it if the flag does not
	Default string
	Choices []string // none: any text
	Secret  bool     // goes to .env only, as Env
	Doc     string

	Text func(*Answers) *string // either this
	Bool func(*Answers) *bool   // or this
}

// Questions returns all of them, in the order in which they are asked.
func Questions() []Question {
	return slices.Concat(platformQuestions(), dispatcherQuestions())
}

func platformQuestions() []Question {
	return []Question{
		{Flag: "fqdn", Default: "localhost", Doc: "`NAME` under which people reach CISO Assistant", Text: func(a *Answers) *string { return &a.FQDN }},
		{Flag: "port", Default: "8443", Doc: "`PORT` of it", Text: func(a *Answers) *string { return &a.Port }},
		{Flag: "tls", Default: "internal", Choices: []string{"internal", "acme", "files"}, Doc: "certificate: internal (self-signed), acme (Let's Encrypt) or files", Text: func(a *Answers) *string { return &a.TLS }},
		{Flag: "cert", Doc: "PEM `FILE` of the certificate, with --tls files", Text: func(a *Answers) *string { return &a.CertFile }},
		{Flag: "key", Doc: "PEM `FILE` of its key, with --tls files", Text: func(a *Answers) *string { return &a.KeyFile }},
		{Flag: "proxy", Default: "caddy", Choices: []string{"caddy", "traefik", "bunkerweb"}, Doc: "caddy, traefik or bunkerweb", Text: func(a *Answers) *string { return &a.Proxy }},
		{Flag: "bunkerweb-ui", Doc: "with its web interface, on port 7000 of this host only", Bool: func(a *Answers) *bool { return &a.ProxyUI }},
		{Flag: "bunkerweb-ui-password", Env: "BUNKERWEB_UI_PASSWORD", Secret: true, Doc: "`PASSWORD` of its user admin; default: a new one", Text: func(a *Answers) *string { return &a.ProxyUIPassword }},
		{Flag: "bunkerweb-db-password", Env: "BUNKERWEB_DB_PASSWORD", Secret: true, Doc: "`PASSWORD` of its database, letters and digits; default: a new one", Text: func(a *Answers) *string { return &a.ProxyDBPassword }},
		{Flag: "db", Default: "sqlite", Choices: []string{"sqlite", "postgresql"}, Doc: "sqlite or postgresql", Text: func(a *Answers) *string { return &a.Database }},
		{Flag: "db-name", Default: "ciso_assistant", Doc: "`NAME` of the PostgreSQL database", Text: func(a *Answers) *string { return &a.DatabaseName }},
		{Flag: "db-user", Default: "ciso_assistant", Doc: "`USER` of it", Text: func(a *Answers) *string { return &a.DatabaseUser }},
		{Flag: "db-password", Env: "POSTGRES_PASSWORD", Secret: true, Doc: "`PASSWORD` of that user; default: a new one", Text: func(a *Answers) *string { return &a.DatabasePassword }},
		{Flag: "mail-host", Doc: "`HOST` that CISO Assistant sends mail by; default: none is sent", Text: func(a *Answers) *string { return &a.MailHost }},
		{Flag: "mail-port", Default: "587", Doc: "`PORT` of it", Text: func(a *Answers) *string { return &a.MailPort }},
		{Flag: "mail-security", Default: "starttls", Choices: []string{"starttls", "none"}, Doc: "starttls or none", Text: func(a *Answers) *string { return &a.MailSecurity }},
		{Flag: "mail-user", Doc: "`USER` of it", Text: func(a *Answers) *string { return &a.MailUser }},
		{Flag: "mail-password", Env: "EMAIL_HOST_PASSWORD", Secret: true, Doc: "`PASSWORD` of that user", Text: func(a *Answers) *string { return &a.MailPassword }},
		{Flag: "mail-from", Doc: "`ADDRESS` of the sender", Text: func(a *Answers) *string { return &a.MailFrom }},
		{Flag: "django-debug", Doc: "CISO Assistant in debug mode: never where others reach it", Bool: func(a *Answers) *bool { return &a.Debug }},
	}
}

func dispatcherQuestions() []Question {
	return []Question{
		{Flag: "without-dispatcher", Doc: "CISO Assistant alone", Bool: func(a *Answers) *bool { return &a.WithoutDispatcher }},
		{Flag: "image", Default: DefaultImage, Doc: "`IMAGE` of the dispatcher", Text: func(a *Answers) *string { return &a.Image }},
		{Flag: "login", Default: "token", Choices: []string{"token", "password"}, Doc: "how the dispatcher logs in: token or password", Text: func(a *Answers) *string { return &a.Login }},
		{Flag: "token", Env: "USER_TOKEN", Secret: true, Doc: "personal access `TOKEN`; may be filled in later", Text: func(a *Answers) *string { return &a.Token }},
		{Flag: "email", Env: "USER_EMAIL", Doc: "`EMAIL` of the dispatcher's user, with --login password", Text: func(a *Answers) *string { return &a.Email }},
		{Flag: "password", Env: "USER_PASSWORD", Secret: true, Doc: "`PASSWORD` of that user", Text: func(a *Answers) *string { return &a.Password }},
		{Flag: "auto-renew", Doc: "log in again when the session has ended, with --login password", Bool: func(a *Answers) *bool { return &a.AutoRenew }},
		{Flag: "observation-topic", Env: "OBSERVATION_TOPIC", Default: "observation", Doc: "`TOPIC` of the messages", Text: func(a *Answers) *string { return &a.ObservationTopic }},
		{Flag: "errors-topic", Env: "ERRORS_TOPIC", Default: "errors", Doc: "`TOPIC` of the failures", Text: func(a *Answers) *string { return &a.ErrorTopic }},
		{Flag: "results-topic", Env: "RESULTS_TOPIC", Doc: "`TOPIC` of the successes; default: none", Text: func(a *Answers) *string { return &a.ResultsTopic }},
		{Flag: "bootstrap-servers", Env: "BOOTSTRAP_SERVERS", Doc: "Kafka `BROKERS`, comma separated; default: a Kafka of its own, without login", Text: func(a *Answers) *string { return &a.BootstrapServers }},
		{Flag: "kafka-port", Default: "9094", Doc: "`PORT` of its own Kafka on this host only, for producers", Text: func(a *Answers) *string { return &a.KafkaPort }},
		{Flag: "kafka-protocol", Env: "KAFKA_SECURITY_PROTOCOL", Default: "PLAINTEXT", Choices: []string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, Doc: "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", Text: func(a *Answers) *string { return &a.KafkaProtocol }},
		{Flag: "kafka-mechanism", Env: "KAFKA_SASL_MECHANISM", Default: "PLAIN", Choices: []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, Doc: "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", Text: func(a *Answers) *string { return &a.KafkaMechanism }},
		{Flag: "kafka-user", Env: "KAFKA_USERNAME", Doc: "`USER` of the brokers", Text: func(a *Answers) *string { return &a.KafkaUser }},
		{Flag: "kafka-password", Env: "KAFKA_PASSWORD", Secret: true, Doc: "`PASSWORD` of that user", Text: func(a *Answers) *string { return &a.KafkaPassword }},
		{Flag: "kafka-ca", Env: "KAFKA_CA_FILE", Doc: "PEM `FILE` of the CA of the brokers", Text: func(a *Answers) *string { return &a.KafkaCAFile }},
		{Flag: "kafka-cert", Env: "KAFKA_CERT_FILE", Doc: "PEM `FILE` of the client certificate", Text: func(a *Answers) *string { return &a.KafkaCertFile }},
		{Flag: "kafka-key", Env: "KAFKA_KEY_FILE", Doc: "PEM `FILE` of its key", Text: func(a *Answers) *string { return &a.KafkaKeyFile }},
		{Flag: "with-s3", Doc: "an S3 of its own", Bool: func(a *Answers) *bool { return &a.WithS3 }},
		{Flag: "s3-port", Default: "7070", Doc: "`PORT` of its own S3 on this host only", Text: func(a *Answers) *string { return &a.S3Port }},
		{Flag: "s3-url", Env: "S3_URL", Doc: "`URL` of an S3 that is there already", Text: func(a *Answers) *string { return &a.S3URL }},
		{Flag: "s3-access-key", Env: "S3_ACCESS_KEY", Secret: true, Doc: "access `KEY`", Text: func(a *Answers) *string { return &a.S3AccessKey }},
		{Flag: "s3-secret-key", Env: "S3_SECRET_KEY", Secret: true, Doc: "its secret `KEY`", Text: func(a *Answers) *string { return &a.S3SecretKey }},
		{Flag: "s3-region", Env: "S3_REGION", Doc: "`REGION`", Text: func(a *Answers) *string { return &a.S3Region }},
		{Flag: "s3-ca", Env: "S3_CA_FILE", Doc: "PEM `FILE` of the CA of S3", Text: func(a *Answers) *string { return &a.S3CA }},
	}
}

// DefaultImage is what `make image` makes.
const DefaultImage = "ciso-assistant-dispatcher:latest"

// Defaults returns the answers of who was asked nothing.
func Defaults() *Answers {
	a := &Answers{}
	for _, q := range Questions() {
		if q.Text != nil {
			*q.Text(a) = q.Default
		}
	}
	return a
}
