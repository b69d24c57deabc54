package check

import (
	"context"
	"crypto/sha512"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/config"
	"dispatcher/ingest"
	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakekafka"
	"dispatcher/internal/fakes3"
	"dispatcher/jobs"
	"dispatcher/store"
	"dispatcher/workers/attachment"
	"dispatcher/workers/ciso"
)

// timeout bounds a party in these tests.
const timeout = 30 * time.Second

// ask returns the rows of a party by name.
func ask(t testing.TB, p Party) map[string]Row {
	t.Helper()
	rows, _ := Run(t.Context(), []Party{p}, timeout)
	byName := make(map[string]Row)
	for _, r := range rows {
		if byName[r.Name] != (Row{}) {
			t.Errorf("two rows are called %q", r.Name)
		}
		byName[r.Name] = r
	}
	return byName
}

// want fails unless a row is as it should be, and says what it should.
func want(t testing.TB, rows map[string]Row, name string, ok bool, texts ...string) {
	t.Helper()
	row, there := rows[name]
	if !there || row.OK != ok {
		t.Errorf("%s: %+v of %v", name, row, rows)
	}
	if !ok && row.Remedy == "" {
		t.Errorf("%s fails without a remedy: %+v", name, row)
	}
	for _, text := range texts {
		if !strings.Contains(row.Value+" "+row.Remedy, text) {
			t.Errorf("%s does not say %q: %+v", name, text, row)
		}
	}
}

func TestAPartyThatNeverAnswersDoesNotHangTheOthers(t *testing.T) {
	t.Parallel()
	never := Party{Name: "deaf", Ask: func(context.Context) []Row { select {} }}
	quick := Party{Name: "quick", Ask: func(context.Context) []Row { return []Row{fine("quick", "there")} }}
	rows, ok := Run(t.Context(), []Party{never, quick}, time.Millisecond)
	if ok || len(rows) != 2 || rows[0].OK || rows[0].Name != "deaf" || !rows[1].OK {
		t.Errorf("%v %+v", ok, rows)
	}
}

func TestAnErrorsLastPartIsItsRemedy(t *testing.T) {
	t.Parallel()
	row := failed("x", jobs.Holding(jobs.HoldAuth, errors.New("refused; really; set USER_TOKEN")), "none")
	if row != wrong("x", "refused; really", "set USER_TOKEN") {
		t.Errorf("%+v", row)
	}
}

func TestSettingsAreShownWithoutSecrets(t *testing.T) {
	t.Parallel()
	cfg, err := config.Load(config.LoadOptions{Getenv: func(name string) string {
		return map[string]string{"API_URL": "http://u:hidden@host", "USER_TOKEN": "hidden", "S3_URL": "http://u:hidden@s3", "USER_PASSWORD": "hidden"}[name]
	}})
	if err != nil {
		t.Fatal(err)
	}
	rows := ask(t, Config(cfg, nil))
	want(t, rows, "configuration", true, "credentials.token=***", "a token and a password are both set")
	if text := fmt.Sprint(rows); strings.Contains(text, "hidden") {
		t.Error(text)
	}
	want(t, ask(t, Config(nil, errors.New("API_URL is not set"))), "configuration", false, "API_URL is not set")
}

func TestTheDataDirectoryIsLookedAtAndNotChanged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	new := filepath.Join(dir, "a", "b")
	rows := ask(t, DataDir(new, "ledger.db", 1))
	want(t, rows, "data directory", true, "run makes it")
	want(t, rows, "data directory: in use", true, "by nobody")
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("something was made: %v", left)
	}
	ledger, err := store.Open(store.Options{Path: filepath.Join(new, "ledger.db")})
	if err != nil {
		t.Fatal(err)
	}
	rows = ask(t, DataDir(new, "ledger.db", 1<<60))
	want(t, rows, "data directory", true, "writable", "a sync takes")
	want(t, rows, "data directory: in use", true, fmt.Sprint("by process ", os.Getpid()))
	want(t, rows, "data directory: space", true, "less than max_store_bytes")
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	want(t, ask(t, DataDir(new, "ledger.db", 1)), "data directory: in use", true, "by nobody")
	if left, _ := os.ReadDir(new); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
	want(t, ask(t, DataDir(filepath.Join(new, "ledger.db"), "x", 1)), "data directory", false, "no directory")
}

func TestAStoreInMemoryIsNoStore(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/dev/shm"); err != nil {
		t.Skip("no tmpfs here")
	}
	if row := Filesystem("/dev/shm"); row.OK || row.Remedy == "" {
		t.Errorf("%+v", row)
	}
}

func cluster(t testing.TB, cfg fakekafka.Config) (*fakekafka.Cluster, KafkaConfig) {
	t.Helper()
	c, err := fakekafka.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c, KafkaConfig{
		Connection:  ingest.Connection{Servers: []string{c.Addr}, Protocol: "PLAINTEXT", Password: func() string { return "" }},
		Observation: "observation", Errors: "errors", GroupID: "my-group", Timeout: timeout,
	}
}

func TestKafkaIsToldPartByPart(t *testing.T) {
	t.Parallel()
	c, cfg := cluster(t, fakekafka.Config{Topics: map[string]int32{"observation": 3}})
	rows := ask(t, Kafka(cfg))
	want(t, rows, "kafka", true, "1 broker", "PLAINTEXT")
	want(t, rows, "kafka: broker 0", true, c.Addr)
	want(t, rows, "kafka: topic observation", true, "3 partition(s)", "kept for", "messages up to")
	want(t, rows, "kafka: topic errors", false, "does not exist", "create it")
	want(t, rows, "kafka: group my-group", true, "nobody is in it", "nothing is committed")
	want(t, ask(t, Kafka(cfg)), "kafka: topic errors", false) // it was not created by asking
}

// It joins as the Python dispatcher does.
func TestAConsumerOfAnotherKindIsSaid(t *testing.T) {
	t.Parallel()
	c, cfg := cluster(t, fakekafka.Config{Topics: map[string]int32{"observation": 1, "errors": 1}})
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: "my-group", Brokers: []string{c.Addr}, Topics: []string{"observation"}, Dialer: &kafka.Dialer{ClientID: "kafka-python"},
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer group.Close()
	if _, err := group.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	want(t, ask(t, Kafka(cfg)), "kafka: group my-group", false, "kafka-python", "KAFKA_GROUP_ID")
}

func TestKafkaThatIsNotThereOrRefusesIsOneRow(t *testing.T) {
	t.Parallel()
	_, away := cluster(t, fakekafka.Config{})
	away.Connection.Servers = []string{"127.0.0.1:1"}
	_, refusing := cluster(t, fakekafka.Config{SASL: map[string]string{"PLAIN:dispatcher": "right"}})
	refusing.Connection.Protocol, refusing.Connection.Mechanism, refusing.Connection.Username = "SASL_PLAINTEXT", "PLAIN", "dispatcher"
	refusing.Connection.Password = func() string { return "wr0ng" }
	for text, cfg := range map[string]KafkaConfig{"cannot be reached": away, "refuses the login of": refusing} {
		rows := ask(t, Kafka(cfg))
		want(t, rows, "kafka", false, text)
		if len(rows) != 1 || strings.Contains(fmt.Sprint(rows), "wr0ng") {
			t.Errorf("%v", rows)
		}
	}
}

// api returns a stand-in whose answers on user and tokens are given.
func api(t testing.TB, version, user, tokens string) (*fakeciso.Server, APIConfig) {
	t.Helper()
	s := fakeciso.New(fakeciso.Config{Version: version})
	for path, body := range map[string]string{"/iam/current-user/$": user, "/iam/auth-tokens/$": tokens} {
		if body != "" {
			s.AddFault(fakeciso.Fault{Method: http.MethodGet, Path: regexp.MustCompile(path), Times: -1, Kind: fakeciso.Status, Code: 200, Body: body})
		}
	}
	base, err := s.Start("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	client, err := ciso.New(ciso.Config{
		URL: strings.TrimSuffix(base, "/api"), Timeout: timeout, Credentials: ciso.Credentials{Token: func() string { return "admin-token" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, APIConfig{Client: client, Types: jobs.Types(), Clock: func() time.Time { return time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC) }}
}

const allRights = `["view_appliedcontrol","change_appliedcontrol","view_requirementassessment","change_requirementassessment",
  "view_evidence","add_evidence","view_evidencerevision","add_evidencerevision"]`

func TestTheTokensOwnerRightsAndEndAreTold(t *testing.T) {
	t.Parallel()
	digest := sha512.Sum512([]byte("admin-token"))
	tokens := fmt.Sprintf(`[{"name":"other","expiry":"2026-11-02T00:00:00Z","digest":"00"},{"name":"dispatcher","expiry":"2027-11-01T00:00:00.5Z","digest":"%x"}]`, digest)
	s, cfg := api(t, "v3.20.8", `{"email":"bot@example.org","domain_permissions":{"d1":`+allRights+`,"d2":["view_evidence"]}}`, tokens)
	rows := ask(t, API(cfg))
	want(t, rows, "api: address", true, "/api")
	want(t, rows, "api: TLS", true, "this host")
	want(t, rows, "api: token", true, "bot@example.org", `"dispatcher"`, "2027-11-01", "365 days")
	want(t, rows, "api: version", true, "v3.20.8", "handled")
	for _, messageType := range jobs.Types() {
		want(t, rows, "api: rights for "+messageType, true, "in 1 of 2 domain(s)")
	}
	for _, e := range s.Journal() {
		if e.Method != http.MethodGet {
			t.Errorf("%s %s was sent", e.Method, e.Path)
		}
	}
}

func TestATokenThatEndsSoonAndRightsThatLackAreSaid(t *testing.T) {
	t.Parallel()
	digest := sha512.Sum512([]byte("admin-token"))
	_, cfg := api(t, "v2.9.0", `{"email":"bot@example.org","domain_permissions":{"d1":["view_appliedcontrol"]}}`,
		fmt.Sprintf(`[{"name":"x","expiry":"2026-11-03T00:00:00Z","digest":"%x"}]`, digest))
	rows := ask(t, API(cfg))
	want(t, rows, "api: token", true, "in 2 days", "make a new personal access token")
	want(t, rows, "api: rights for update_applied_control", false, "change_appliedcontrol")
	want(t, rows, "api: version", false, "no revisions")
}

func TestARefusedTokenIsTold(t *testing.T) {
	t.Parallel()
	s, cfg := api(t, "v3.20.8", "", "")
	s.RevokeToken("admin-token")
	rows := ask(t, API(cfg))
	want(t, rows, "api: address", true)
	want(t, rows, "api: token", false, "refuses the token", "USER_TOKEN")
	if strings.Contains(fmt.Sprint(rows), "admin-token") {
		t.Error("the token is shown")
	}
}

func TestAServerThatTellsNothingOfItsUserIsNoFault(t *testing.T) {
	t.Parallel()
	_, cfg := api(t, "unset", `{"email":"bot@example.org"}`, "")
	rows := ask(t, API(cfg))
	want(t, rows, "api: token", true, "bot@example.org", "is not told")
	want(t, rows, "api: rights for upload_attachment", true, "does not tell")
}

func s3(t testing.TB, url, key string) *attachment.S3 {
	t.Helper()
	client, err := attachment.NewS3(attachment.S3Config{
		URL: url, AccessKey: func() string { return key }, SecretKey: func() string { return "wr0ng-or-not" },
		Spool: attachment.Spool{Dir: t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestS3IsAskedWithTheKey(t *testing.T) {
	t.Parallel()
	server, err := fakes3.Start("bucket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	rows := ask(t, S3(S3Config{Client: s3(t, server.URL, fakes3.AccessKey), Given: true, Buckets: []string{"bucket", "nowhere"}}))
	want(t, rows, "s3", true, "takes the access key")
	want(t, rows, "s3: clock", true, "apart")
	want(t, rows, "s3: bucket bucket", true, "can be read")
	want(t, rows, "s3: bucket nowhere", false, "does not exist")

	rows = ask(t, S3(S3Config{Client: s3(t, server.URL, "unknown"), Given: true}))
	want(t, rows, "s3", false, "refuses the access key")
	if strings.Contains(fmt.Sprint(rows), "wr0ng") {
		t.Error("the secret is shown")
	}
}

func TestS3IsMissedOnlyIfSomebodySaidWhereItIs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	_ = l.Close() // nobody is there now
	want(t, ask(t, S3(S3Config{Client: s3(t, url, "")})), "s3", true, "set S3_URL")
	want(t, ask(t, S3(S3Config{Client: s3(t, url, "k"), Given: true})), "s3", false, "S3_URL")
}

func TestAClockThatIsOffIsSaid(t *testing.T) {
	t.Parallel()
	if row := skewRow(-16 * time.Minute); row.OK || !strings.Contains(row.Value, "16m0s") {
		t.Errorf("%+v", row)
	}
}
