package ingest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

// Connection says how the brokers are reached.
type Connection struct {
	Servers   []string
	Protocol  string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	Mechanism string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	Username  string
	Password  func() string // asked at each connection: it may be rotated
	CAFile    string
	CertFile  string
	KeyFile   string
}

// dialTimeout bounds one connection attempt.
const dialTimeout = 5 * time.Second

// links are the two ways in which kafka-go connects.
type links struct {
	dialer    *kafka.Dialer
	transport *kafka.Transport
	client    *kafka.Client
}

func (c Connection) links() (*links, error) {
	var tlsConfig *tls.Config
	if strings.HasSuffix(c.Protocol, "SSL") {
		var err error
		if tlsConfig, err = c.tls(); err != nil {
			return nil, err
		}
	}
	var mechanism sasl.Mechanism
	if strings.HasPrefix(c.Protocol, "SASL") {
		mechanism = &login{c}
	}
	transport := &kafka.Transport{
		TLS: tlsConfig, SASL: mechanism, ClientID: "dispatcher", DialTimeout: dialTimeout, IdleTimeout: 30 * time.Second,
		MetadataTTL: 5 * time.Second,
	}
	return &links{
		dialer:    &kafka.Dialer{ClientID: "dispatcher", Timeout: dialTimeout, DialFunc: dialNoCreate(tlsConfig), SASLMechanism: mechanism},
		transport: transport,
		client:    &kafka.Client{Addr: kafka.TCP(c.Servers...), Transport: transport, Timeout: 10 * time.Second},
	}, nil
}

func (c Connection) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read Kafka CA file: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("read Kafka CA file %s: it holds no certificate in PEM", c.CAFile)
		}
	}
	if c.CertFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("read Kafka client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// login is a SASL mechanism that asks for the password at each connection.
type login struct{ c Connection }

func (l *login) Name() string { return l.c.Mechanism }

func (l *login) Start(ctx context.Context) (sasl.StateMachine, []byte, error) {
	var m sasl.Mechanism
	var err error
	switch l.c.Mechanism {
	case "SCRAM-SHA-256":
		m, err = scram.Mechanism(scram.SHA256, l.c.Username, l.c.Password())
	case "SCRAM-SHA-512":
		m, err = scram.Mechanism(scram.SHA512, l.c.Username, l.c.Password())
	default:
		m = plain.Mechanism{Username: l.c.Username, Password: l.c.Password()}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("prepare SASL login: %w", err)
	}
	return m.Start(ctx)
}

// explain adds the remedy to what brokers and the library say.
func (c Connection) explain(err error) error {
	text := err.Error()
	var dns *net.DNSError
	switch {
	case errors.Is(err, kafka.SASLAuthenticationFailed), strings.Contains(text, "SASL Authentication Failed"):
		return fmt.Errorf("kafka refuses the login of %q (%s); check KAFKA_USERNAME, KAFKA_PASSWORD and KAFKA_SASL_MECHANISM", c.Username, c.Mechanism)
	case errors.Is(err, kafka.IllegalSASLState), errors.Is(err, kafka.UnsupportedSASLMechanism):
		return fmt.Errorf("kafka takes no %s login on this listener; check KAFKA_SECURITY_PROTOCOL (%s) and the port", c.Mechanism, c.Protocol)
	case strings.Contains(text, "certificate signed by unknown authority"), strings.Contains(text, "certificate is not trusted"):
		return fmt.Errorf("the certificate of kafka is not trusted: %w; set KAFKA_CA_FILE to its CA", err)
	case strings.Contains(text, "does not look like a TLS handshake"):
		return fmt.Errorf("kafka speaks no TLS on this port; check KAFKA_SECURITY_PROTOCOL (%s)", c.Protocol)
	case strings.Contains(text, "EOF"):
		return fmt.Errorf("kafka at %s hangs up: the listener wants TLS or a login, or other ones than KAFKA_SECURITY_PROTOCOL=%s: %w", strings.Join(c.Servers, ","), c.Protocol, err)
	case errors.As(err, &dns), strings.Contains(text, "connection refused"):
		return fmt.Errorf("kafka at %s cannot be reached: %w; is BOOTSTRAP_SERVERS right, and kafka up?", strings.Join(c.Servers, ","), err)
	case errors.Is(err, kafka.InconsistentGroupProtocol):
		return errors.New("a consumer of another kind is in the group, the Python dispatcher say; stop it, or set KAFKA_GROUP_ID")
	case errors.Is(err, kafka.GroupAuthorizationFailed), errors.Is(err, kafka.TopicAuthorizationFailed):
		return fmt.Errorf("kafka forbids it: %w; give the user Read and Describe on topic and group, and Write on the errors topic", err)
	}
	return err
}
