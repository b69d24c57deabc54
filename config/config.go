package config

import "time"

// DefaultFile is where the configuration is looked for.
const DefaultFile = ".dispatcher_config.yaml"

// Config is every setting. See [Settings] for what each means.
type Config struct {
	File string // the file it was read from, "" if there was none

	Debug     bool
	LogFormat string // text or json
	DataDir   string
	Grace     time.Duration

	API         API
	Credentials Credentials
	Kafka       Kafka
	S3          S3
	Retry       Retry
	Retention   Retention
	Policy      Policy

	Ordering      string // key or partition
	MaxUnfinished int
	MaxStoreBytes int64
	HTTPListen    string // "" is off
	HTTP          HTTP
	Listen        string // "": workers on other hosts are not let in
	ListenCert    string // with its key; "": by a CA of the data directory
	ListenKey     string
	ListenCA      string        // pinned in join files
	Lease         time.Duration // of workers on other hosts

	Sources  []Source // where each setting that is not default came from
	Warnings []string // what an operator should know
}

// API is how CISO Assistant is reached.
type API struct {
	URL               string
	VerifyCertificate bool
	CAFile            string
	Timeout           time.Duration
	UploadTimeout     time.Duration
	Concurrency       int
	RateLimit         float64       // requests per second, 0: none
	WriteQuarantine   time.Duration // 0: off
	DefaultFolder     string
	MaxTargets        int
}

// Credentials are a token, or e-mail and password.
type Credentials struct {
	Token     Secret
	Email     string
	Password  Secret
	AutoRenew bool
}

// Kafka is the broker and what is read and written there.
type Kafka struct {
	BootstrapServers []string
	ObservationTopic string
	ErrorsTopic      string
	ResultsTopic     string
	GroupID          string
	SessionTimeout   time.Duration

	UseAuth          bool
	SecurityProtocol string // PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL
	SASLMechanism    string // PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512
	Username         string
	Password         Secret
	CAFile           string
	CertFile         string
	KeyFile          string
}

// S3 is where attachments are fetched from.
type S3 struct {
	URL              string
	AccessKey        Secret
	SecretKey        Secret
	Region           string
	CAFile           string
	PresignedOrigins []string // default: the origin of URL
}

// Retry is the budget of a job whose attempts fail.
type Retry struct {
	MaxAttempts int
	MaxAge      time.Duration
	Base, Cap   time.Duration
}

// Retention is how long ended jobs are remembered.
type Retention struct{ Succeeded, Failed time.Duration }

// Policy is what producers may ask for.
type Policy struct{ AllowTypes, DenyFields, AllowBuckets []string }

// HTTP is how the web page is protected beyond loopback.
type HTTP struct {
	CertFile, KeyFile string
	Users             Secret // see [ParseUsers]
}

// Source says where a setting came from: "USER_TOKEN", "rest.url (file:3)", "--debug".
type Source struct {
	Key   string
	Value string // masked if secret
	From  string
}
