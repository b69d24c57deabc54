package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
)

// TestWhatIsWrongWithJoiningIsSaidAndNothingIsStarted.
func TestWhatIsWrongWithJoiningIsSaidAndNothingIsStarted(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	taken := freeAddress(t)
	blocker := NewWorld(t, 1, fakeciso.Config{})
	blocker.Env["LISTEN"], blocker.Env["LEASE"] = taken, "2s"
	blocker.Start().Says("listening for workers")

	w.Env["LISTEN"] = freeAddress(t)
	worker, operator := w.Join("worker", "w1"), w.Join("operator", "ops")
	garbage := filepath.Join(w.Dir, "garbage")
	if err := os.WriteFile(garbage, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		env  map[string]string
		args []string
		says string
	}{
		{nil, []string{"worker"}, "credentials worker --name"},
		{nil, []string{"worker", "--join", operator}, `it has the role "operator"`},
		{nil, []string{"worker", "--join", garbage}, "make one with"},
		{nil, []string{"worker", "--join", garbage + "x"}, "make one with dispatcher credentials worker"},
		{map[string]string{"API_URL": ""}, []string{"worker", "--join", worker}, "API_URL"},
		{map[string]string{"CONCURRENCY": "0"}, []string{"worker", "--join", worker}, "a worker works"},
		{nil, []string{"jobs", "list", "--join", worker}, `it has the role "worker"`},
		{nil, []string{"credentials", "worker"}, "--name"},
		{nil, []string{"credentials", "worker", "--name", "a b"}, "letters"},
		{nil, []string{"credentials", "worker", "--name", "w1"}, "choose another name"},
		{nil, []string{"credentials", "worker", "--name", "w2", "--address", "nowhere"}, "host:port"},
		{nil, []string{"credentials", "worker", "--name", "w2", "-o", garbage}, "not there yet"},
		{map[string]string{"LISTEN": ""}, []string{"credentials", "worker", "--name", "w2"}, "listen is not set"},
		{nil, []string{"credentials", "revoke", "nobody"}, "no such credential"},
		{nil, []string{"credentials", "revoke"}, "one name"},
		{nil, []string{"credentials", "wrk"}, "credentials --help"},
		{map[string]string{"LISTEN": "4222"}, []string{"run"}, "not host:port"},
		{map[string]string{"LISTEN": taken, "LEASE": "2s"}, []string{"run"}, "cannot listen there"},
		{map[string]string{"LEASE": "5s"}, []string{"run"}, "lower LEASE to 4s or raise KAFKA_SESSION_TIMEOUT to 8s"},
		{map[string]string{"LISTEN_CERT_FILE": garbage}, []string{"run"}, "together"},
		{map[string]string{"LISTEN_CERT_FILE": garbage, "LISTEN_KEY_FILE": garbage, "LEASE": "2s"}, []string{"run"}, "in PEM"},
	} {
		_, stderr, code := w.RunWith(c.env, "", c.args...)
		if code != 2 || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v %v: exit %d, says %q, not %q", c.env, c.args, code, stderr, c.says)
		}
	}
	// What is wrong is as wrong when the running process says it.
	w.Env["LISTEN"] = ""
	run := w.Start("CONCURRENCY=1")
	run.Says("active: working")
	for _, args := range [][]string{{"--name", "w2"}, {"--name", "w2", "--address", "nowhere"}, {"--name", "w1"}} {
		_, stderr, code := w.Run(append([]string{"credentials", "worker"}, args...)...)
		if code != 2 || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v of a running process: exit %d, says %q", args, code, stderr)
		}
	}
	run.Stop()
	// A run host that cannot be reached is waited for, and said; one that refuses, too.
	_, stderr, code := w.Run("jobs", "stats", "--join", operator)
	if code != 1 || !strings.Contains(stderr, "is run up there") {
		t.Errorf("exit %d %s", code, stderr)
	}
	w.Worker(worker).Says("the run host cannot be reached")
}

// TestAnOperatorOnAnotherHostSteersJobs: without a data directory, and by name.
func TestAnOperatorOnAnotherHostSteersJobs(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Listen()
	w.Env["CONCURRENCY"] = "2"
	w.Start().Says("active: working")
	operator := w.Join("operator", "anna")
	elsewhere := map[string]string{"DATA_DIR": filepath.Join(w.Dir, "nothing"), "BOOTSTRAP_SERVERS": ""}
	run := func(want int, args ...string) string {
		stdout, stderr, code := w.RunWith(elsewhere, update("foo", "observation", "x"), append(args, "--join", operator)...)
		if code != want {
			t.Fatalf("%v: exit %d %s", args, code, stderr)
		}
		return stdout
	}
	run(0, "jobs", "pause", "--reason", "audit")
	id := strings.TrimSpace(run(0, "jobs", "submit", "-"))
	if out := run(0, "jobs", "stats"); !strings.Contains(out, "by anna (") {
		t.Errorf("the pause is not hers: %s", out)
	}
	run(0, "jobs", "cancel", id)
	run(0, "jobs", "resume")
	run(0, "jobs", "retry", id)
	w.Ended(1)
	out := run(0, "jobs", "show", id, "--json")
	if !strings.Contains(out, `"state":"succeeded"`) || strings.Count(out, `"operator":"anna (`) < 3 {
		t.Errorf("her name is not with all that she did: %s", out)
	}
	run(3, "jobs", "show", "submit-nothing")
}

// selfSigned makes a certificate for 127.0.0.1 and its key, and returns their paths.
func selfSigned(t *testing.T, dir string) (certificate, key string) {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, "own.pem"), filepath.Join(dir, "own.key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// TestACertificateOfTheOperatorsIsVerifiedByTheNameInTheAddress.
func TestACertificateOfTheOperatorsIsVerifiedByTheNameInTheAddress(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.Listen()
	w.Env["LISTEN_CERT_FILE"], w.Env["LISTEN_KEY_FILE"] = selfSigned(t, w.Dir)
	unpinned := w.Join("worker", "unpinned") // by a CA that no system trusts
	w.Env["LISTEN_CA_FILE"] = w.Env["LISTEN_CERT_FILE"]
	pinned := w.Join("worker", "pinned")
	_, port, err := net.SplitHostPort(w.Env["LISTEN"])
	if err != nil {
		t.Fatal(err)
	}
	misnamed := filepath.Join(w.Dir, "misnamed.join")
	if _, stderr, code := w.Run("credentials", "worker", "--name", "misnamed", "--address", "localhost:"+port, "-o", misnamed); code != 0 {
		t.Fatal(stderr)
	}
	w.Start().Says("active: working")
	w.Worker(pinned).Says("connected to the run host")
	for path, says := range map[string]string{unpinned: "unknown authority", misnamed: "to match localhost"} {
		p := w.Worker(path)
		p.Says("certificate")
		if log := p.log.String(); strings.Contains(log, "connected to the run host") || !strings.Contains(log, says) {
			t.Errorf("%s, which must say %q:\n%s", path, says, log)
		}
	}
}
