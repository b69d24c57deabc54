package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// load reads a configuration from a file's text and an environment.
func load(t *testing.T, file string, env map[string]string, flags map[string]string) (*Config, error) {
	t.Helper()
	o := LoadOptions{File: filepath.Join(t.TempDir(), "c.yaml"), Getenv: func(k string) string { return env[k] }, Flags: flags}
	if err := os.WriteFile(o.File, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load(o)
}

func TestFlagOverEnvironmentOverFileOverDefault(t *testing.T) {
	t.Parallel()
	file := "rest:\n  url: https://file\n  timeout: 10s\n  concurrency: 3\ndata_dir: null\n"
	c, err := load(t, file, map[string]string{"API_URL": "https://env", "CONCURRENCY": "4", "API_TIMEOUT": ""}, map[string]string{"rest.concurrency": "5"})
	if err != nil {
		t.Fatal(err)
	}
	if c.API.URL != "https://env" || c.API.Timeout != 10*time.Second || c.API.Concurrency != 5 || c.DataDir != "dispatcher-data" {
		t.Errorf("%+v, data dir %s", c.API, c.DataDir)
	}
}

func TestEverySettingCanBeGivenInTheFileAndTheEnvironment(t *testing.T) {
	t.Parallel()
	for _, s := range Settings() {
		value := map[string]string{"rest.rate_limit": "5", "credentials.token": "tok", "policy.allow_types": "upload_attachment", "listen": "x:1"}[s.Key]
		if value == "" {
			value = s.Default
		}
		if value == "" {
			value = "some"
		}
		for _, env := range s.Env {
			c, err := load(t, "", map[string]string{env: value}, nil)
			if err != nil || len(c.Sources) != 1 || c.Sources[0].From != env {
				t.Errorf("%s=%s: %v", env, value, err)
			}
		}
		c, err := load(t, string(Generate(map[string]string{s.Key: value})), nil, nil)
		found := false
		for _, source := range c.Sources {
			found = found || source.Key == s.Key
		}
		if err != nil || !found || s.Doc == "" {
			t.Errorf("%s: %v, sources %v", s.Key, err, c.Sources)
		}
	}
}

func TestWhatThePythonDispatcherUsedIsAcceptedAsItIs(t *testing.T) {
	t.Parallel()
	file := "rest:\n  url: \"https://localhost:8443\"\n  verify_certificate: True\ncredentials:\n  email: \"user@company.org\"\n  password: \"\"\n"
	c, err := load(t, file, map[string]string{
		"KAFKA_USE_AUTH": "", "TOKEN": " tok\n", "AUTO_RENEW_SESSION": "True", "DEBUG": "False", "S3_URL": "localhost:9000", "S3_ACCESS_KEY": "", "BOOTSTRAP_SERVERS": "a:1, b:2",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Credentials.Token.Reveal() != "tok" || !c.Credentials.AutoRenew || !c.API.VerifyCertificate || c.S3.URL != "http://localhost:9000" || len(c.Kafka.BootstrapServers) != 2 {
		t.Errorf("%+v", c)
	}
	if err := c.Validate(ForRun); err != nil {
		t.Error(err)
	}
}

func TestAWrongSettingIsOneLineWithNameValueAndRemedy(t *testing.T) {
	t.Parallel()
	good := map[string]string{"API_URL": "https://h"}
	for name, c := range map[string]struct {
		file  string
		env   map[string]string
		says  []string
		quiet string
	}{
		"unknown key":   {file: "rest:\n  urll: x\n", says: []string{":2:", `"rest.urll"`, `did you mean "rest.url"?`}},
		"twice":         {file: "rest:\n  url: x\nrest:\n  url: y\n", says: []string{"twice"}},
		"not YAML":      {file: "a: [", says: []string{"not valid YAML"}},
		"a list":        {file: "- a\n", says: []string{"settings expected"}},
		"bool":          {env: map[string]string{"DEBUG": "maybe"}, says: []string{"DEBUG", `"maybe"`, "true"}},
		"duration":      {env: map[string]string{"API_TIMEOUT": "soon"}, says: []string{"API_TIMEOUT", "30s"}},
		"size":          {env: map[string]string{"MAX_STORE_BYTES": "big"}, says: []string{"MAX_STORE_BYTES", "10GiB"}},
		"number":        {file: "rest:\n  concurrency: many\n", says: []string{"rest.concurrency", "c.yaml:2", "whole number"}},
		"no URL":        {env: map[string]string{"API_URL": ""}, says: []string{"API_URL", "rest.url"}},
		"bad URL":       {env: map[string]string{"API_URL": "localhost"}, says: []string{"API_URL", "https://host:8443"}},
		"URL secret":    {env: map[string]string{"API_URL": "https://u:canary@h"}, says: []string{"API_URL"}, quiet: "canary"},
		"broker secret": {env: map[string]string{"BOOTSTRAP_SERVERS": "SASL_SSL://u:canary@k:9092"}, says: []string{`BOOTSTRAP_SERVERS "SASL_SSL://***@k:9092"`}, quiet: "canary"},
		"second broker": {env: map[string]string{"BOOTSTRAP_SERVERS": "a:9092,u:canary@k:9092"}, says: []string{"***@k:9092"}, quiet: "canary"},
		"comma, slash":  {env: map[string]string{"BOOTSTRAP_SERVERS": "SSL://u:canary,/canary@x@k:9092"}, says: []string{"***@k:9092"}, quiet: "canary"},
		"origin secret": {file: "s3_presigned_origins: [https://a, 'https://u:canary@h']\n", says: []string{"s3_presigned_origins", "https://***@h"}, quiet: "canary"},
		"listen secret": {env: map[string]string{"HTTP_LISTEN": "http://u:canary@h"}, says: []string{"HTTP_LISTEN"}, quiet: "canary"},
		"not a number":  {env: map[string]string{"CONCURRENCY": "https://u:canary@h"}, says: []string{"CONCURRENCY"}, quiet: "canary"},
		"same topic":    {env: map[string]string{"ERRORS_TOPIC": "observation"}, says: []string{"ERRORS_TOPIC", "observation"}},
		"topic":         {env: map[string]string{"OBSERVATION_TOPIC": "a b"}, says: []string{"OBSERVATION_TOPIC", "topic name"}},
		"timeout":       {env: map[string]string{"API_TIMEOUT": "1m"}, says: []string{"API_TIMEOUT", "session_timeout"}},
		"protocol":      {env: map[string]string{"KAFKA_SECURITY_PROTOCOL": "TLS"}, says: []string{"SASL_SSL"}},
		"mechanism":     {env: map[string]string{"KAFKA_SASL_MECHANISM": "GSSAPI"}, says: []string{"SCRAM-SHA-512"}},
		"no user":       {env: map[string]string{"KAFKA_USE_AUTH": "yes"}, says: []string{"KAFKA_USERNAME"}},
		"half a key":    {env: map[string]string{"S3_SECRET_KEY": "canary"}, says: []string{"together"}, quiet: "canary"},
		"no such file":  {env: map[string]string{"KAFKA_CA_FILE": "/no/such"}, says: []string{"KAFKA_CA_FILE", "/no/such"}},
		"secret file":   {env: map[string]string{"USER_TOKEN_FILE": "/no/such"}, says: []string{"USER_TOKEN_FILE", "/no/such"}},
		"both":          {env: map[string]string{"USER_TOKEN_FILE": "/x", "USER_TOKEN": "canary"}, says: []string{"both"}, quiet: "canary"},
		"ordering":      {env: map[string]string{"ORDERING": "none"}, says: []string{"ORDERING", "partition"}},
		"listen":        {env: map[string]string{"HTTP_LISTEN": "8642"}, says: []string{"HTTP_LISTEN", "off"}},
		"broker":        {env: map[string]string{"BOOTSTRAP_SERVERS": "kafka"}, says: []string{"BOOTSTRAP_SERVERS", "host:port"}},
		"policy type":   {env: map[string]string{"POLICY_ALLOW_TYPES": "upload_attachment,update_aplied_control"}, says: []string{`POLICY_ALLOW_TYPES "update_aplied_control"`, `did you mean "update_applied_control"?`, "update_requirement_assessment"}},
		"policy bogus":  {env: map[string]string{"POLICY_ALLOW_TYPES": "bogus"}, says: []string{`POLICY_ALLOW_TYPES "bogus"`, "upload_attachment"}},
		"policy field":  {env: map[string]string{"POLICY_DENY_FIELDS": "status,bogus.x"}, says: []string{`POLICY_DENY_FIELDS "bogus.x"`, "upload_attachment"}},
		"log format":    {env: map[string]string{"LOG_FORMAT": "xml"}, says: []string{"LOG_FORMAT", "json"}},
	} {
		env := map[string]string{}
		for k, v := range good {
			env[k] = v
		}
		for k, v := range c.env {
			env[k] = v
		}
		loaded, err := load(t, c.file, env, nil)
		if err == nil {
			err = loaded.Validate(ForRun)
		}
		var wrong *Error
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, text := range c.says {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %q does not say %q", name, err, text)
			}
		}
		if c.quiet != "" && strings.Contains(err.Error(), c.quiet) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q", name, err)
		}
	}
}

func TestNoListIsTakenForASecret(t *testing.T) {
	t.Parallel()
	f := parseFile("c.yaml", []byte("credentials: {token: [one, two]}\nbootstrap_servers: [a:1, b:2]\n"))
	if len(f.problems) != 1 || !strings.Contains(f.problems[0], `"credentials.token": a single value expected`) || strings.Contains(f.problems[0], "two") {
		t.Errorf("%q", f.problems)
	}
	if got := f.values["bootstrap_servers"].value; got != "a:1,b:2" {
		t.Errorf("a list is read as %q", got)
	}
}

func TestASecretIsNeverShown(t *testing.T) {
	t.Parallel()
	const canary = "canary-5ecret"
	c, err := load(t, "", map[string]string{"USER_TOKEN": canary, "USER_PASSWORD": canary, "KAFKA_PASSWORD": canary, "S3_ACCESS_KEY": canary, "S3_SECRET_KEY": canary}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&shown, verb, *c)
		fmt.Fprintf(&shown, verb, c.Credentials.Token)
	}
	_ = json.NewEncoder(&shown).Encode(c)
	_ = yaml.NewEncoder(&shown).Encode(c)
	slog.New(slog.NewJSONHandler(&shown, nil)).Info("x", "c", c, "t", c.Credentials.Token)
	slog.New(slog.NewTextHandler(&shown, nil)).Info("x", "c", c, "t", c.Credentials.Token)
	fmt.Fprint(&shown, c.Sources)
	if strings.Contains(shown.String(), canary) || strings.Contains(shown.String(), fmt.Sprintf("%x", canary)) {
		t.Error("a secret is shown")
	}
	if c.Credentials.Token.Reveal() != canary {
		t.Error("the secret is not there")
	}
}

func TestAPasswordInAnAddressIsNotAmongTheSettingsShown(t *testing.T) {
	t.Parallel()
	c, err := load(t, "", map[string]string{"BOOTSTRAP_SERVERS": "u:canary@a:1,u:canary@b:1", "USER_EMAIL": "u@x"}, nil)
	if err != nil || strings.Contains(fmt.Sprint(c.Sources), "canary") || !strings.Contains(fmt.Sprint(c.Sources), "u@x") {
		t.Errorf("%v %v", c.Sources, err)
	}
}

func TestASecretFileIsReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := load(t, "", map[string]string{"USER_TOKEN_FILE": path}, nil)
	if err != nil || c.Credentials.Token.Reveal() != "one" {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("two"), 0o600); err != nil {
		t.Fatal(err)
	}
	if changed, err := c.Credentials.Token.Refresh(); !changed || err != nil || c.Credentials.Token.Reveal() != "two" {
		t.Errorf("changed %v: %v", changed, err)
	}
}

func TestTheStoredTokenIsItsOwnersOnly(t *testing.T) {
	t.Parallel()
	c, err := load(t, "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s, err := c.StoredToken(); s.IsSet() || err != nil {
		t.Errorf("%v %v", s, err)
	}
	for _, token := range []string{"one", "two"} {
		if err := c.StoreToken(token); err != nil {
			t.Fatal(err)
		}
		stored, err := c.StoredToken()
		info, _ := os.Stat(c.TokenPath())
		if stored.Reveal() != token || err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%v, mode %v", err, info.Mode())
		}
	}
}

func TestAFileWithSecretsThatOthersCanReadIsWarnedAbout(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("credentials:\n  token: x\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := Load(LoadOptions{File: path, Getenv: func(string) string { return "" }})
	if err != nil || len(c.Warnings) == 0 || !strings.Contains(c.Warnings[0], "chmod 600") {
		t.Errorf("%v %v", c.Warnings, err)
	}
}

func TestTheWizardsAnswersMakeAFileThatLoads(t *testing.T) {
	t.Parallel()
	in := strings.NewReader("https://grc:8443\ny\n1\nsecret-token\nk:9092\nobservation\nerrors\n1\nn\n")
	values, err := Wizard(in, &bytes.Buffer{}, true, false, map[string]string{"rest.timeout": "20s"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := load(t, string(Generate(values)), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.API.URL != "https://grc:8443" || c.Kafka.BootstrapServers[0] != "k:9092" || c.API.Timeout != 20*time.Second || c.Credentials.Token.Reveal() != "secret-token" {
		t.Errorf("%+v", values)
	}
}

func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{"", "rest:\n  url: x\n", "a: &a [*a]", "rest: {url: {a: b}}", "credentials: !!binary x", "? [a]: b"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(_ *testing.T, content []byte) { parseFile("f", content) })
}
