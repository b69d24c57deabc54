package compose

import "strings"

// Answers is what an installation is to be.
type Answers struct {
	FQDN              string
	Port              string
	TLS               string // internal, acme or files
	CertFile, KeyFile string
	Proxy             string // caddy, traefik or bunkerweb
	ProxyUI           bool   // of bunkerweb
	ProxyUIPassword   string
	ProxyDBPassword   string
	Debug             bool

	Database                                     string // sqlite or postgresql
	DatabaseName, DatabaseUser, DatabasePassword string

	MailHost, MailPort, MailSecurity, MailUser, MailPassword, MailFrom string

	WithoutDispatcher            bool
	Image                        string
	Login                        string // token or password
	Token, Email, Password       string
	AutoRenew                    bool
	ObservationTopic, ErrorTopic string
	ResultsTopic                 string // "": none

	BootstrapServers                                string // "": a Kafka of its own
	KafkaPort                                       string // of the own one, on the host
	KafkaProtocol, KafkaMechanism                   string
	KafkaUser, KafkaPassword                        string
	KafkaCAFile, KafkaCertFile, KafkaKeyFile        string
	WithS3                                          bool   // one of its own
	S3Port                                          string // of that, on the host
	S3URL, S3AccessKey, S3SecretKey, S3Region, S3CA string
}

// What the templates ask.

func (a *Answers) Dispatcher() bool { return !a.WithoutDispatcher }
func (a *Answers) Postgres() bool   { return a.Database == "postgresql" }
func (a *Answers) Mail() bool       { return a.MailHost != "" }
func (a *Answers) Bunkerweb() bool  { return a.Proxy == "bunkerweb" }
func (a *Answers) OwnKafka() bool   { return a.Dispatcher() && a.BootstrapServers == "" }
func (a *Answers) OwnS3() bool      { return a.Dispatcher() && a.WithS3 }
func (a *Answers) S3() bool         { return a.Dispatcher() && (a.WithS3 || a.S3URL != "") }
func (a *Answers) ByToken() bool    { return a.Login == "token" }
func (a *Answers) SASL() bool       { return strings.HasPrefix(a.KafkaProtocol, "SASL") }
func (a *Answers) KafkaTLS() bool   { return strings.HasSuffix(a.KafkaProtocol, "SSL") }

// Address is where people find CISO Assistant.
func (a *Answers) Address() string {
	if a.Port == "443" {
		return "https://" + a.FQDN
	}
	return "https://" + a.FQDN + ":" + a.Port
}

// Hosts are the names that the API answers to.
func (a *Answers) Hosts() string {
	if a.FQDN == "localhost" {
		return "backend,localhost"
	}
	return "backend,localhost," + a.FQDN
}

// Brokers are the brokers as the dispatcher sees them.
func (a *Answers) Brokers() string {
	if a.OwnKafka() {
		return "kafka:9092"
	}
	return a.BootstrapServers
}

// Topics are those that must exist.
func (a *Answers) Topics() []string {
	topics := []string{a.ObservationTopic, a.ErrorTopic}
	if a.ResultsTopic != "" {
		topics = append(topics, a.ResultsTopic)
	}
	return topics
}

// S3Address is S3 as the dispatcher sees it.
func (a *Answers) S3Address() string {
	if a.OwnS3() {
		return "http://s3:7070"
	}
	return a.S3URL
}

// OnHost says that something is reached on the host that Docker runs on.
func (a *Answers) OnHost() bool {
	return strings.Contains(a.BootstrapServers+" "+a.S3URL, hostOfDocker)
}

// hostOfDocker is the host's name inside of a container.
const hostOfDocker = "host.docker.internal"
