package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// Setting is one row of the settings table.
type Setting struct {
	Key     string   // in the file, dots for nesting
	Env     []string // the first one is the name, the others are aliases
	Default string
	Secret  bool
	Doc     string

	set       func(*Config, string) error
	setSecret func(*Config, Secret)
}

// Settings returns every setting, in the order of the reference.
func Settings() []Setting {
	return []Setting{
		text("debug", "DEBUG", "false", "log everything", func(c *Config) any { return &c.Debug }),
		text("log_format", "LOG_FORMAT", "text", "text for people, json for machines", func(c *Config) any { return &c.LogFormat }),
		text("rest.url", "API_URL", "", "CISO Assistant; /api is found by itself", func(c *Config) any { return &c.API.URL }),
		text("rest.verify_certificate", "VERIFY_CERTIFICATE", "true", "verify the API's TLS certificate", func(c *Config) any { return &c.API.VerifyCertificate }),
		text("rest.ca_file", "API_CA_FILE", "", "PEM file of the CA that signed it; default: the system's", func(c *Config) any { return &c.API.CAFile }),
		text("rest.timeout", "API_TIMEOUT", "30s", "of one request; below the Kafka session timeout", func(c *Config) any { return &c.API.Timeout }),
		text("rest.upload_timeout", "API_UPLOAD_TIMEOUT", "2m", "of one file", func(c *Config) any { return &c.API.UploadTimeout }),
		text("rest.concurrency", "CONCURRENCY", "8", "jobs in flight, 0 to 1024; 0: all work is done by workers on other hosts", func(c *Config) any { return &c.API.Concurrency }),
		text("rest.rate_limit", "API_RATE_LIMIT", "", "requests per second, of this process and all workers that have joined it together", func(c *Config) any { return &c.API.RateLimit }),
		text("rest.write_quarantine", "API_WRITE_QUARANTINE", "100s", "after a write without an answer no other job writes that object for so long; 0: off", func(c *Config) any { return &c.API.WriteQuarantine }),
		text("rest.default_folder", "DEFAULT_FOLDER", "", "folder of created evidence: name, path a/b, or id", func(c *Config) any { return &c.API.DefaultFolder }),
		text("rest.max_targets", "MAX_TARGETS", "1000", "most objects that target: multiple may match", func(c *Config) any { return &c.API.MaxTargets }),
		secretRow("credentials.token", "USER_TOKEN", "personal access token", func(c *Config) *Secret { return &c.Credentials.Token }, "TOKEN"),
		text("credentials.email", "USER_EMAIL", "", "login, if there is no token", func(c *Config) any { return &c.Credentials.Email }),
		secretRow("credentials.password", "USER_PASSWORD", "its password", func(c *Config) *Secret { return &c.Credentials.Password }),
		text("auto_renew_session", "AUTO_RENEW_SESSION", "false", "log in again when the session has ended", func(c *Config) any { return &c.Credentials.AutoRenew }),
		text("bootstrap_servers", "BOOTSTRAP_SERVERS", "localhost:9092", "Kafka brokers, comma separated or a list", func(c *Config) any { return &c.Kafka.BootstrapServers }),
		text("observation_topic", "OBSERVATION_TOPIC", "observation", "topic of the messages", func(c *Config) any { return &c.Kafka.ObservationTopic }),
		text("errors_topic", "ERRORS_TOPIC", "errors", "topic of the failures", func(c *Config) any { return &c.Kafka.ErrorsTopic }),
		text("results_topic", "RESULTS_TOPIC", "", "topic of the successes; none if empty", func(c *Config) any { return &c.Kafka.ResultsTopic }),
		text("group_id", "KAFKA_GROUP_ID", "my-group", "consumer group; the Python dispatcher's by default", func(c *Config) any { return &c.Kafka.GroupID }),
		text("kafka.session_timeout", "KAFKA_SESSION_TIMEOUT", "45s", "how long a lost active process is waited for", func(c *Config) any { return &c.Kafka.SessionTimeout }),
		text("kafka.use_auth", "KAFKA_USE_AUTH", "false", "log in to Kafka (SASL)", func(c *Config) any { return &c.Kafka.UseAuth }),
		text("kafka.security_protocol", "KAFKA_SECURITY_PROTOCOL", "", "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL", func(c *Config) any { return &c.Kafka.SecurityProtocol }),
		text("kafka.sasl_mechanism", "KAFKA_SASL_MECHANISM", "PLAIN", "PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512", func(c *Config) any { return &c.Kafka.SASLMechanism }),
		text("kafka.sasl_plain_username", "KAFKA_USERNAME", "", "SASL user", func(c *Config) any { return &c.Kafka.Username }),
		secretRow("kafka.sasl_plain_password", "KAFKA_PASSWORD", "SASL password", func(c *Config) *Secret { return &c.Kafka.Password }),
		text("kafka.ssl_cafile", "KAFKA_CA_FILE", "", "PEM file of the CA of the brokers", func(c *Config) any { return &c.Kafka.CAFile }),
		text("kafka.ssl_certfile", "KAFKA_CERT_FILE", "", "PEM file of the client certificate", func(c *Config) any { return &c.Kafka.CertFile }),
		text("kafka.ssl_keyfile", "KAFKA_KEY_FILE", "", "PEM file of its key", func(c *Config) any { return &c.Kafka.KeyFile }),
		text("s3_url", "S3_URL", "http://localhost:9000", "S3; without a scheme http for loopback, https otherwise", func(c *Config) any { return &c.S3.URL }),
		secretRow("s3_access_key", "S3_ACCESS_KEY", "blank: the usual credential chain, then presigned URLs", func(c *Config) *Secret { return &c.S3.AccessKey }),
		secretRow("s3_secret_key", "S3_SECRET_KEY", "its secret key", func(c *Config) *Secret { return &c.S3.SecretKey }),
		text("s3_region", "S3_REGION", "", "region", func(c *Config) any { return &c.S3.Region }),
		text("s3_ca_file", "S3_CA_FILE", "", "PEM file of the CA of S3", func(c *Config) any { return &c.S3.CAFile }),
		text("s3_presigned_origins", "S3_PRESIGNED_ORIGINS", "", "origins that file_s3_url may point to; default: that of s3_url", func(c *Config) any { return &c.S3.PresignedOrigins }),
		text("ordering", "ORDERING", "key", "key: by Kafka key, or resource and selector; partition: strictly one after the other", func(c *Config) any { return &c.Ordering }),
		text("retry.max_attempts", "RETRY_MAX_ATTEMPTS", "10", "attempts before a job fails as exhausted", func(c *Config) any { return &c.Retry.MaxAttempts }),
		text("retry.max_age", "RETRY_MAX_AGE", "24h", "age from the first failed attempt, holds excluded", func(c *Config) any { return &c.Retry.MaxAge }),
		text("retry.base", "RETRY_BASE", "1s", "first backoff", func(c *Config) any { return &c.Retry.Base }),
		text("retry.cap", "RETRY_CAP", "5m", "longest backoff", func(c *Config) any { return &c.Retry.Cap }),
		text("retention.succeeded", "RETENTION_SUCCEEDED", "24h", "how long succeeded jobs are remembered", func(c *Config) any { return &c.Retention.Succeeded }),
		text("retention.failed", "RETENTION_FAILED", "720h", "how long failed jobs are remembered", func(c *Config) any { return &c.Retention.Failed }),
		text("max_unfinished", "MAX_UNFINISHED", "100000", "read-ahead: beyond it Kafka keeps the backlog", func(c *Config) any { return &c.MaxUnfinished }),
		bytesRow("max_store_bytes", "MAX_STORE_BYTES", "10GiB", "limit of the data directory: waiting messages and the ledger", func(c *Config) *int64 { return &c.MaxStoreBytes }),
		text("policy.allow_types", "POLICY_ALLOW_TYPES", "", "message types that producers may send; default: all", func(c *Config) any { return &c.Policy.AllowTypes }),
		text("policy.deny_fields", "POLICY_DENY_FIELDS", "", "fields that producers may not set: name or type.name", func(c *Config) any { return &c.Policy.DenyFields }),
		text("policy.allow_buckets", "POLICY_ALLOW_BUCKETS", "", "buckets that producers may name; default: all", func(c *Config) any { return &c.Policy.AllowBuckets }),
		text("data_dir", "DATA_DIR", "dispatcher-data", "directory of the jobs, made 0700", func(c *Config) any { return &c.DataDir }),
		text("http_listen", "HTTP_LISTEN", "127.0.0.1:8642", "address of /healthz, /readyz, /metrics and the web page; off disables", func(c *Config) any { return &c.HTTPListen }),
		text("http_cert_file", "HTTP_CERT_FILE", "", "PEM file of the certificate that http_listen answers with: TLS; read again when it changes", func(c *Config) any { return &c.HTTP.CertFile }),
		text("http_key_file", "HTTP_KEY_FILE", "", "PEM file of its key", func(c *Config) any { return &c.HTTP.KeyFile }),
		secretRow("http_users", "HTTP_USERS", "who may log in to the web page: lines name:hash, as htpasswd -nB writes them", func(c *Config) *Secret { return &c.HTTP.Users }),
		text("listen", "LISTEN", "", "host:port for workers and operators on other hosts, TLS always; none if empty", func(c *Config) any { return &c.Listen }),
		text("listen_certfile", "LISTEN_CERT_FILE", "", "PEM file of its certificate; default: one by a CA made in the data directory", func(c *Config) any { return &c.ListenCert }),
		text("listen_keyfile", "LISTEN_KEY_FILE", "", "PEM file of its key", func(c *Config) any { return &c.ListenKey }),
		text("listen_cafile", "LISTEN_CA_FILE", "", "PEM file of the CA that signed it, for join files; default: the CAs that the other host trusts", func(c *Config) any { return &c.ListenCA }),
		text("lease", "LEASE", "30s", "how long a worker on another host may be silent before its jobs go to another", func(c *Config) any { return &c.Lease }),
		text("grace", "GRACE", "35s", "how long running jobs may go on after SIGTERM", func(c *Config) any { return &c.Grace }),
	}
}

// text makes a row whose kind follows from the field.
func text(key, env, def, doc string, field func(*Config) any) Setting {
	return Setting{Key: key, Env: []string{env}, Default: def, Doc: doc, set: func(c *Config, v string) error {
		return parseInto(field(c), v)
	}}
}

func secretRow(key, env, doc string, field func(*Config) *Secret, aliases ...string) Setting {
	return Setting{
		Key: key, Env: append([]string{env}, aliases...), Secret: true, Doc: doc,
		set:       func(c *Config, v string) error { *field(c) = NewSecret(v); return nil },
		setSecret: func(c *Config, s Secret) { *field(c) = s },
	}
}

func bytesRow(key, env, def, doc string, field func(*Config) *int64) Setting {
	return Setting{Key: key, Env: []string{env}, Default: def, Doc: doc, set: func(c *Config, v string) error {
		n, err := humanize.ParseBytes(v)
		if err != nil || n == 0 || n > 1<<60 {
			return fmt.Errorf("not a size; write 500MB, 10GiB or a number of bytes")
		}
		*field(c) = int64(n)
		return nil
	}}
}

// parseInto reads a value of the field's kind.
func parseInto(field any, v string) (err error) {
	switch f := field.(type) {
	case *string:
		*f = v
	case *bool:
		*f, err = parseBool(v)
	case *int:
		if *f, err = strconv.Atoi(v); err != nil {
			return fmt.Errorf("not a whole number")
		}
	case *float64:
		if *f, err = strconv.ParseFloat(v, 64); err != nil {
			return fmt.Errorf("not a number")
		}
	case *time.Duration:
		*f, err = parseDuration(v)
	case *[]string:
		*f = splitList(v)
	}
	return err
}

func parseBool(v string) (bool, error) {
	switch strings.ToLower(v) {
	case "true", "yes", "1":
		return true, nil
	case "false", "no", "0":
		return false, nil
	}
	return false, fmt.Errorf("neither true nor false; write true, false, yes, no, 1 or 0")
}

// parseDuration reads 90s, 5m, 24h, or a number of seconds.
func parseDuration(v string) (time.Duration, error) {
	if seconds, err := strconv.ParseFloat(v, 64); err == nil && seconds >= 0 && seconds < 1e9 {
		return time.Duration(seconds * float64(time.Second)), nil
	}
	d, err := time.ParseDuration(v)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("not a duration; write 30s, 5m or 24h")
	}
	return d, nil
}

func splitList(v string) (list []string) {
	for part := range strings.SplitSeq(v, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
