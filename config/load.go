package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// LoadOptions is the world that settings are read from.
type LoadOptions struct {
	File   string              // "": DISPATCHER_CONFIG, then [DefaultFile]
	Getenv func(string) string // os.Getenv
	Flags  map[string]string   // by file key, only those given
	Stat   func(string) (fs.FileInfo, error)
}

// given is a value as a user gave it.
type given struct {
	value string
	from  string // as the user knows it
	file  bool   // the value is the path of a file that holds the secret
}

// Load reads all settings. Everything that is wrong is in one [Error].
func Load(o LoadOptions) (*Config, error) {
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Stat == nil {
		o.Stat = os.Stat
	}
	c := &Config{}
	var problems []string
	file, err := c.readFile(o)
	if err != nil {
		return nil, &Error{Problems: []string{err.Error()}}
	}
	problems = append(problems, file.problems...)
	for _, s := range Settings() {
		if err := c.load(s, o, file); err != nil {
			problems = append(problems, err.Error())
		}
	}
	c.settle(o)
	if len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	return c, nil
}

// readFile reads the configuration file. A default one that is absent is fine.
func (c *Config) readFile(o LoadOptions) (*fileValues, error) {
	path, explicit := o.File, o.File != ""
	if path == "" {
		path = o.Getenv("DISPATCHER_CONFIG")
		explicit = path != ""
	}
	if path == "" {
		path = DefaultFile
	}
	content, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !explicit:
		c.File = path // where it would be: .tmp.yaml is beside it
		return &fileValues{}, nil
	case err != nil:
		return nil, fmt.Errorf("configuration file %s: cannot be read: %w; name one that is there, or leave it out", path, reason(err))
	}
	c.File = path
	values := parseFile(path, content)
	if info, err := o.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 && values.hasSecrets() {
		c.Warnings = append(c.Warnings, fmt.Sprintf("%s holds secrets and others can read it: chmod 600 %s", path, path))
	}
	return values, nil
}

// load sets one setting from where it is given first.
func (c *Config) load(s Setting, o LoadOptions, file *fileValues) error {
	g, ok, err := find(s, o, file)
	if err != nil {
		return err
	}
	if !ok {
		if s.Default == "" {
			return nil
		}
		return s.set(c, s.Default)
	}
	if g.file {
		value, err := SecretFromFile(g.value)
		if err != nil {
			return fmt.Errorf("%s %s: %w; put the secret there or unset it", g.from, g.value, err)
		}
		s.setSecret(c, value)
	} else if err := s.set(c, g.value); err != nil {
		return fmt.Errorf("%s %q: %w", g.from, shown(s, g.value), err)
	}
	c.Sources = append(c.Sources, Source{Key: s.Key, Value: shown(s, g.value), From: g.from})
	return nil
}

// shown is a value as people may see it.
func shown(s Setting, value string) string {
	if s.Secret {
		return masked
	}
	return maskUserinfo(value)
}

// find returns the value of a setting: flag, then environment, then file.
func find(s Setting, o LoadOptions, file *fileValues) (g given, ok bool, err error) {
	if v, ok := o.Flags[s.Key]; ok {
		return given{value: v, from: "--" + flagName(s.Key)}, true, nil
	}
	for _, name := range s.Env {
		if v := o.Getenv(name); strings.TrimSpace(v) != "" {
			if s.Secret && o.Getenv(name+"_FILE") != "" {
				return g, false, fmt.Errorf("%s and %s_FILE are both set; keep one of them", name, name)
			}
			return given{value: strings.TrimSpace(v), from: name}, true, nil
		}
	}
	for _, name := range s.Env {
		if v := o.Getenv(name + "_FILE"); s.Secret && v != "" {
			return given{value: v, from: name + "_FILE", file: true}, true, nil
		}
	}
	if g, ok := file.values[s.Key]; ok {
		return g, true, nil
	}
	if g, ok := file.values[s.Key+"_file"]; ok && s.Secret {
		g.file = true
		return g, true, nil
	}
	return g, false, nil
}

// flagName is the last part of a key, as flags are spelled.
func flagName(key string) string {
	if i := strings.LastIndexByte(key, '.'); i >= 0 {
		key = key[i+1:]
	}
	return strings.ReplaceAll(key, "_", "-")
}

// settle fills in what follows from other settings, and warns.
func (c *Config) settle(o LoadOptions) {
	c.Kafka.SecurityProtocol = strings.ToUpper(c.Kafka.SecurityProtocol)
	c.Kafka.SASLMechanism = strings.ToUpper(c.Kafka.SASLMechanism)
	switch {
	case c.Kafka.SecurityProtocol == "" && c.Kafka.UseAuth:
		c.Kafka.SecurityProtocol = "SASL_PLAINTEXT"
	case c.Kafka.SecurityProtocol == "":
		c.Kafka.SecurityProtocol = "PLAINTEXT"
	}
	c.Kafka.UseAuth = c.Kafka.UseAuth || strings.HasPrefix(c.Kafka.SecurityProtocol, "SASL")
	c.S3.URL = withScheme(c.S3.URL)
	if len(c.S3.PresignedOrigins) == 0 {
		c.S3.PresignedOrigins = []string{origin(c.S3.URL)}
	}
	if strings.EqualFold(c.HTTPListen, "off") {
		c.HTTPListen = ""
	}
	if c.Credentials.Token.IsSet() && c.Credentials.Password.IsSet() {
		c.Warnings = append(c.Warnings, "a token and a password are both set: the token is used")
	}
	if c.API.URL != "" && !c.API.VerifyCertificate {
		c.Warnings = append(c.Warnings, "rest.verify_certificate is false: anyone on the way can read the token and change the answers; set rest.ca_file instead")
	}
	if c.File != "" {
		if abs, err := filepath.Abs(c.File); err == nil {
			c.File = abs
		}
	}
}
