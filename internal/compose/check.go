package compose

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var (
	hostName  = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$`)
	dbName    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,249}$`)
	urlSafe   = regexp.MustCompile(`^[A-Za-z0-9]*$`)
)

// Check reports the first answer that cannot work, in one line.
func (a *Answers) Check() error {
	for _, check := range []func() error{a.checkForm, a.checkTLS, a.checkNames, a.checkKafka, a.checkS3, a.checkFiles} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(flag, value, why string) error {
	return fmt.Errorf("--%s %q: %s", flag, value, why)
}

// checkForm checks each answer by itself.
func (a *Answers) checkForm() error {
	for _, q := range Questions() {
		if q.Text == nil {
			continue
		}
		v := *q.Text(a)
		shown := v
		if q.Secret {
			shown = "***"
		}
		if q.Choices != nil && !slices.Contains(q.Choices, v) {
			return wrong(q.Flag, v, "no such choice; use "+strings.Join(q.Choices, ", "))
		}
		if strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
			return wrong(q.Flag, shown, "holds a line break or another control character; leave it out")
		}
		if n, err := strconv.Atoi(v); strings.HasSuffix(q.Flag, "port") && (err != nil || n < 1 || n > 65535) {
			return wrong(q.Flag, v, "not a port; give 1 to 65535")
		}
	}
	return nil
}

func (a *Answers) checkTLS() error {
	local := a.FQDN == "localhost" || net.ParseIP(a.FQDN) != nil
	switch {
	case !hostName.MatchString(a.FQDN):
		return wrong("fqdn", a.FQDN, "not a host name; write one such as ciso.example.org, without https:// and port")
	case a.TLS == "acme" && local:
		return wrong("tls", a.TLS, "nobody issues a certificate for "+a.FQDN+"; give --fqdn, or --tls internal")
	case a.TLS == "files" && (a.CertFile == "" || a.KeyFile == ""):
		return wrong("tls", a.TLS, "certificate and key are missing; give --cert and --key")
	case a.TLS != "files" && a.CertFile+a.KeyFile != "":
		return wrong("cert", a.CertFile, "is used with --tls files only; say that too")
	case a.Port == "80":
		return wrong("port", a.Port, "is for plain HTTP; use 443 or 8443")
	}
	return nil
}

func (a *Answers) checkNames() error {
	switch {
	case !dbName.MatchString(a.DatabaseName):
		return wrong("db-name", a.DatabaseName, "letters, digits and _ only")
	case !dbName.MatchString(a.DatabaseUser):
		return wrong("db-user", a.DatabaseUser, "letters, digits and _ only")
	case !urlSafe.MatchString(a.ProxyDBPassword):
		return wrong("bunkerweb-db-password", "***", "it is part of an address; letters and digits only")
	case !topicName.MatchString(a.ObservationTopic):
		return wrong("observation-topic", a.ObservationTopic, "not a topic name; letters, digits, . _ and - only")
	case !topicName.MatchString(a.ErrorTopic):
		return wrong("errors-topic", a.ErrorTopic, "not a topic name; letters, digits, . _ and - only")
	case a.ErrorTopic == a.ObservationTopic:
		return wrong("errors-topic", a.ErrorTopic, "the same as the observation topic; name another")
	case a.ResultsTopic != "" && !topicName.MatchString(a.ResultsTopic):
		return wrong("results-topic", a.ResultsTopic, "not a topic name; letters, digits, . _ and - only")
	case a.ResultsTopic == a.ObservationTopic || a.ResultsTopic == a.ErrorTopic:
		return wrong("results-topic", a.ResultsTopic, "the same as another topic; name another")
	case a.Mail() && a.MailFrom == "":
		return wrong("mail-from", a.MailFrom, "mail has no sender; give --mail-from")
	case a.Dispatcher() && !a.ByToken() && (a.Email == "" || a.Password == ""):
		return wrong("login", a.Login, "e-mail or password is missing; give --email and USER_PASSWORD")
	case a.Dispatcher() && a.Image == "":
		return wrong("image", a.Image, "the dispatcher has no image; name one, or say --without-dispatcher")
	}
	return nil
}

func (a *Answers) checkKafka() error {
	switch {
	case !a.Dispatcher():
		return nil
	case a.OwnKafka() && a.KafkaProtocol != "PLAINTEXT":
		return wrong("kafka-protocol", a.KafkaProtocol, "a Kafka of its own is reached inside the compose network only, without login; leave it out, or give --bootstrap-servers")
	case a.SASL() && (a.KafkaUser == "" || a.KafkaPassword == ""):
		return wrong("kafka-protocol", a.KafkaProtocol, "user or password is missing; give --kafka-user and KAFKA_PASSWORD")
	case (a.KafkaCertFile == "") != (a.KafkaKeyFile == ""):
		return wrong("kafka-cert", a.KafkaCertFile, "certificate and key are needed together; give --kafka-cert and --kafka-key")
	case !a.KafkaTLS() && a.KafkaCAFile+a.KafkaCertFile != "":
		return wrong("kafka-protocol", a.KafkaProtocol, "certificates are used with SSL and SASL_SSL only; choose one of them")
	}
	for server := range strings.SplitSeq(a.BootstrapServers, ",") {
		if server = strings.TrimSpace(server); server == "" {
			continue
		}
		host, _, err := net.SplitHostPort(server)
		if err != nil {
			return wrong("bootstrap-servers", server, "not host:port; write kafka.example.org:9092")
		}
		if isLoopback(host) {
			return wrong("bootstrap-servers", server, "inside a container that is the container itself; write "+hostOfDocker+" for this host")
		}
	}
	return nil
}

func (a *Answers) checkS3() error {
	if !a.Dispatcher() || a.S3URL == "" {
		return nil
	}
	u, err := url.Parse(a.S3URL)
	switch {
	case a.WithS3:
		return wrong("s3-url", a.S3URL, "there is one already with --with-s3; keep one of them")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return wrong("s3-url", a.S3URL, "not an address; write https://host:9000")
	case u.User != nil:
		return wrong("s3-url", u.Redacted(), "holds a password; give --s3-access-key and S3_SECRET_KEY")
	case isLoopback(u.Hostname()):
		return wrong("s3-url", a.S3URL, "inside a container that is the container itself; write "+hostOfDocker+" for this host")
	case (a.S3AccessKey == "") != (a.S3SecretKey == ""):
		return wrong("s3-access-key", "***", "access key and secret key are needed together; give both or none")
	}
	return nil
}

// checkFiles looks for what is mounted: Docker would make directories of what
// is not there.
func (a *Answers) checkFiles() error {
	for _, f := range []struct{ flag, path string }{
		{"cert", a.CertFile}, {"key", a.KeyFile}, {"kafka-ca", a.KafkaCAFile}, {"kafka-cert", a.KafkaCertFile},
		{"kafka-key", a.KafkaKeyFile}, {"s3-ca", a.S3CA},
	} {
		if f.path == "" {
			continue
		}
		if info, err := os.Stat(f.path); err != nil || !info.Mode().IsRegular() {
			return wrong(f.flag, f.path, "no such file; name one that is there")
		}
	}
	return nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
