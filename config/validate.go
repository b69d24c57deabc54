package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"dispatcher/jobs"
)

// Purpose is what a configuration is for: not every command needs all of it.
type Purpose int

const (
	ForJobs   Purpose = iota // only the data directory
	ForAuth                  // the API
	ForWorker                // the API and S3, from a host without Kafka
	ForRun                   // everything; without the API and S3 if others do the work
)

// Validate reports every setting that cannot work, before anything is started.
func (c *Config) Validate(purpose Purpose) error {
	v := validator{c: c}
	v.check(slices.Contains([]string{"text", "json"}, c.LogFormat), "log_format", c.LogFormat, "no such format; use text or json")
	coordinator := purpose == ForRun && c.API.Concurrency == 0
	if purpose >= ForAuth && (!coordinator || c.API.URL != "") {
		v.api()
	}
	if purpose >= ForWorker {
		v.s3()
		v.work()
	}
	switch purpose {
	case ForWorker:
		v.check(c.API.Concurrency >= 1, "rest.concurrency", c.API.Concurrency, "must be 1 to 1024: a worker works")
	case ForRun:
		v.kafka()
		v.limits()
		v.listen()
	}
	if len(v.problems) == 0 {
		return nil
	}
	return &Error{Problems: v.problems}
}

type validator struct {
	c        *Config
	problems []string
}

// check notes a problem unless ok. The setting is named as the user gave it; a
// password in its value is not shown.
func (v *validator) check(ok bool, key string, value any, why string) {
	if ok {
		return
	}
	name := key
	for _, s := range v.c.Sources {
		if s.Key == key {
			name = s.From
		}
	}
	v.problems = append(v.problems, fmt.Sprintf("%s %q: %s", name, maskUserinfo(fmt.Sprint(value)), why))
}

func (v *validator) api() {
	a := v.c.API
	if a.URL == "" {
		v.problems = append(v.problems, "API_URL (rest.url) is not set: say where CISO Assistant is, such as https://localhost:8443")
		return
	}
	u, err := url.Parse(a.URL)
	v.check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", "rest.url", redactURL(a.URL), "not an address; write https://host:8443")
	v.check(err != nil || u.User == nil, "rest.url", redactURL(a.URL), "holds a password; use the credentials settings")
	v.file("rest.ca_file", a.CAFile)
	v.check(a.Timeout > 0, "rest.timeout", a.Timeout, "must be above 0")
	v.check(a.UploadTimeout > 0, "rest.upload_timeout", a.UploadTimeout, "must be above 0")
}

func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable)"
	}
	return u.Redacted()
}

func (v *validator) file(key, path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		v.check(false, key, path, "cannot be read: "+err.Error())
		return
	}
	_ = f.Close() // it was only opened to see whether it can be
}

func (v *validator) kafka() {
	k := v.c.Kafka
	v.check(len(k.BootstrapServers) > 0, "bootstrap_servers", "", "no broker; write host:9092")
	for _, server := range k.BootstrapServers {
		_, port, err := net.SplitHostPort(server)
		v.check(err == nil && port != "", "bootstrap_servers", oneOf(k.BootstrapServers, server), "not host:port without a scheme or user; those are settings of kafka")
	}
	v.check(k.ErrorsTopic != k.ObservationTopic, "errors_topic", k.ErrorsTopic, "the same as the observation topic: every failure would be read again; name another")
	other := k.ResultsTopic == "" || k.ResultsTopic != k.ObservationTopic && k.ResultsTopic != k.ErrorsTopic
	v.check(other, "results_topic", k.ResultsTopic, "the same as another topic; name one of its own")
	for key, topic := range map[string]string{"observation_topic": k.ObservationTopic, "errors_topic": k.ErrorsTopic, "results_topic": k.ResultsTopic} {
		v.check(validTopic(topic), key, topic, "not a topic name; letters, digits, . _ - and at most 249 of them")
	}
	v.check(slices.Contains([]string{"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"}, k.SecurityProtocol), "kafka.security_protocol", k.SecurityProtocol, "use PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
	v.check(slices.Contains([]string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"}, k.SASLMechanism), "kafka.sasl_mechanism", k.SASLMechanism, "use PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	if k.UseAuth {
		v.check(strings.HasPrefix(k.SecurityProtocol, "SASL"), "kafka.security_protocol", k.SecurityProtocol, "kafka.use_auth needs SASL_PLAINTEXT or SASL_SSL")
		v.check(k.Username != "" && k.Password.IsSet(), "kafka.sasl_plain_username", k.Username, "SASL needs KAFKA_USERNAME and KAFKA_PASSWORD")
	}
	v.check((k.CertFile == "") == (k.KeyFile == ""), "kafka.ssl_certfile", k.CertFile, "certificate and key are needed together")
	v.file("kafka.ssl_cafile", k.CAFile)
	v.file("kafka.ssl_certfile", k.CertFile)
	v.file("kafka.ssl_keyfile", k.KeyFile)
	v.check(k.SessionTimeout >= time.Second, "kafka.session_timeout", k.SessionTimeout, "must be at least 1s")
	v.check(v.c.API.Timeout < k.SessionTimeout, "rest.timeout", v.c.API.Timeout, fmt.Sprintf("must be below kafka.session_timeout (%s): a request must end before another process takes over", k.SessionTimeout))
	v.check(k.GroupID != "", "group_id", k.GroupID, "must not be empty")
}

func validTopic(name string) bool {
	if len(name) > 249 || name == "." || name == ".." {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '.' && r != '_' && r != '-'
	})
}

func (v *validator) s3() {
	s := v.c.S3
	u, err := url.Parse(s.URL)
	v.check(err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "", "s3_url", redactURL(s.URL), "not an address; write https://host:9000")
	v.check(s.AccessKey.IsSet() == s.SecretKey.IsSet(), "s3_access_key", s.AccessKey, "access key and secret key are needed together")
	v.file("s3_ca_file", s.CAFile)
	for _, o := range s.PresignedOrigins {
		v.check(origin(o) == strings.TrimSuffix(o, "/"), "s3_presigned_origins", oneOf(s.PresignedOrigins, o), "not an origin; write https://host or https://host:port")
	}
}

// work checks what whoever carries out jobs needs.
func (v *validator) work() {
	c := v.c
	v.check(c.API.Concurrency >= 0 && c.API.Concurrency <= 1024, "rest.concurrency", c.API.Concurrency, "must be 0 to 1024; 0: all work is done on other hosts")
	v.check(c.API.RateLimit >= 0, "rest.rate_limit", c.API.RateLimit, "must be above 0, or 0 for none")
	v.check(c.API.MaxTargets >= 1, "rest.max_targets", c.API.MaxTargets, "must be at least 1")
}

// listen checks how other hosts come in.
func (v *validator) listen() {
	c := v.c
	v.check((c.ListenCert == "") == (c.ListenKey == ""), "listen_certfile", c.ListenCert, "certificate and key are needed together")
	v.check(c.ListenCA == "" || c.ListenCert != "", "listen_cafile", c.ListenCA, "is of no use without listen_certfile")
	v.file("listen_certfile", c.ListenCert)
	v.file("listen_keyfile", c.ListenKey)
	v.file("listen_cafile", c.ListenCA)
	if c.Listen == "" {
		return
	}
	_, port, err := net.SplitHostPort(c.Listen)
	v.check(err == nil && port != "", "listen", c.Listen, "not host:port")
	v.check(c.Lease >= 500*time.Millisecond, "lease", c.Lease, "must be at least 500ms")
	v.check(c.Lease*3 <= c.Kafka.SessionTimeout*2, "lease", c.Lease, fmt.Sprintf("must be at most two thirds of kafka.session_timeout (%s), to end before another process takes over: lower LEASE to %s or raise KAFKA_SESSION_TIMEOUT to %s", c.Kafka.SessionTimeout, longestLease(c.Kafka.SessionTimeout), shortestSession(c.Lease)))
}

// longestLease is what fits into a session, and shortestSession what a lease fits
// into, in round figures: each is offered as the remedy of the other.
func longestLease(session time.Duration) time.Duration {
	return (session * 2 / 3).Truncate(100 * time.Millisecond)
}

func shortestSession(lease time.Duration) time.Duration {
	return (lease*3/2 + time.Second - 1).Truncate(time.Second)
}

func (v *validator) limits() {
	c := v.c
	v.check(c.Ordering == "key" || c.Ordering == "partition", "ordering", c.Ordering, "use key or partition")
	v.check(c.Retry.MaxAttempts >= 1, "retry.max_attempts", c.Retry.MaxAttempts, "must be at least 1")
	v.check(c.Retry.Base > 0 && c.Retry.Cap >= c.Retry.Base, "retry.base", c.Retry.Base, "must be above 0 and at most retry.cap")
	v.check(c.Retry.MaxAge > 0, "retry.max_age", c.Retry.MaxAge, "must be above 0")
	v.check(c.MaxUnfinished >= 1 && c.MaxUnfinished <= 10_000_000, "max_unfinished", c.MaxUnfinished, "must be 1 to 10000000")
	v.check(c.MaxStoreBytes >= 64<<20, "max_store_bytes", c.MaxStoreBytes, "must be at least 64MiB: one message may have 16")
	if c.HTTPListen != "" {
		_, port, err := net.SplitHostPort(c.HTTPListen)
		v.check(err == nil && port != "", "http_listen", c.HTTPListen, "not host:port; off disables it")
	}
	v.policy()
	v.page()
	v.check(c.DataDir != "", "data_dir", c.DataDir, "must not be empty")
}

// policy refuses message types that there are not: one that is misspelled would
// deny every message, or none.
func (v *validator) policy() {
	for _, name := range v.c.Policy.AllowTypes {
		v.messageType("policy.allow_types", name, name)
	}
	for _, field := range v.c.Policy.DenyFields {
		if name, _, ok := strings.Cut(field, "."); ok {
			v.messageType("policy.deny_fields", field, name)
		}
	}
}

func (v *validator) messageType(key, value, name string) {
	known := jobs.Types()
	why := fmt.Sprintf("no such message type%s; one of %s", jobs.Nearest(name, known), strings.Join(known, ", "))
	v.check(slices.Contains(known, name), key, value, why)
}

// page checks what protects the web page.
func (v *validator) page() {
	h := v.c.HTTP
	v.check((h.CertFile == "") == (h.KeyFile == ""), "http_cert_file", h.CertFile, "certificate and key are needed together")
	v.file("http_cert_file", h.CertFile)
	v.file("http_key_file", h.KeyFile)
	if h.Users.IsSet() {
		_, err := ParseUsers(h.Users.Reveal())
		v.check(err == nil, "http_users", h.Users, fmt.Sprint(err))
	}
}

// withScheme completes an S3 address: http for loopback, https otherwise.
func withScheme(raw string) string {
	if strings.Contains(raw, "://") {
		return raw
	}
	host := raw
	if h, _, err := net.SplitHostPort(raw); err == nil {
		host = h
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return "http://" + raw
	}
	return "https://" + raw
}

// origin is scheme, host and port of an address, "" if it has none.
func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
