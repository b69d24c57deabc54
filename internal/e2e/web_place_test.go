package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"
	"golang.org/x/crypto/bcrypt"

	"dispatcher/internal/fakeciso"
)

func TestTheWebPageIsOnlyWhereItIsSafe(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	if _, stderr, code := w.Run("jobs", "web"); code != 2 || strings.Count(stderr, "\n") != 1 {
		t.Errorf("without a store: exit %d: %s", code, stderr)
	}
	p := w.Start() // http_listen is off
	w.soon("jobs", "stats")
	if _, stderr, code := w.Run("jobs", "web"); code != 1 || !strings.Contains(stderr, "http_listen is off") {
		t.Errorf("off: exit %d: %s", code, stderr)
	}
	p.Stop()
	if _, stderr, code := w.Run("jobs", "web"); code != 2 || !strings.Contains(stderr, "no dispatcher runs") {
		t.Errorf("nobody runs: exit %d: %s", code, stderr)
	}
	_, port, _ := strings.Cut(freeAddress(t), ":")
	w.Env["HTTP_LISTEN"] = "0.0.0.0:" + port
	w.Start().Says("no web page")
	w.soon("jobs", "stats")
	if _, stderr, code := w.Run("jobs", "web"); code != 1 || !strings.Contains(stderr, "HTTP_USERS_FILE") || strings.Count(stderr, "\n") != 1 {
		t.Errorf("beyond loopback: exit %d: %s", code, stderr)
	}
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 0, "/metrics": 200, "/": 404, "/jobs": 404, "/api/overview": 404, "/api/session": 404, "/assets/app.js": 404} {
		resp, err := http.Get("http://127.0.0.1:" + port + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if want != 0 && resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// certify writes a certificate for localhost and its key.
func certify(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{keyFile: {Type: "PRIVATE KEY", Bytes: private}, certFile: {Type: "CERTIFICATE", Bytes: cert}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBeyondLoopbackTheWebPageIsThereByTLSAndLogin(t *testing.T) {
	t.Parallel()
	b := NewBrowser(t, 1280, 800)
	w := NewWorld(t, 1, fakeciso.Config{})
	_, port, _ := strings.Cut(freeAddress(t), ":")
	hash, err := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	who := filepath.Join(w.Dir, "users")
	if err := os.WriteFile(who, []byte("anna:"+string(hash)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	certFile, keyFile := filepath.Join(w.Dir, "cert.pem"), filepath.Join(w.Dir, "key.pem")
	certify(t, certFile, keyFile, 1)
	w.Env["HTTP_LISTEN"], w.Env["HTTP_CERT_FILE"], w.Env["HTTP_KEY_FILE"], w.Env["HTTP_USERS_FILE"] = "0.0.0.0:"+port, certFile, keyFile, who
	w.Start().Says("web page")
	w.soon("jobs", "stats")
	w.must("health")

	b.Open("https://localhost:" + port + "/jobs")
	b.Reads("h1", "Log in")
	b.TabTo("input[name=name]")
	b.Press("anna")
	b.TabTo("input[name=password]")
	b.Press("wrong horse" + kb.Enter)
	b.Reads("[role=alert]", "name or password is wrong")
	b.TabTo("input[name=password]")
	b.Press("correct horse" + kb.Enter)
	b.Reads(".who", "anna")
	b.Reads("h1", "Jobs")
	b.Click("[data-do=leave]")
	b.Reads("h1", "Log in")

	certify(t, certFile, keyFile, 2) // renewed
	eventually(t, "the new certificate", func() error {
		conn, err := tls.Dial("tcp", "127.0.0.1:"+port, &tls.Config{InsecureSkipVerify: true}) // which it is, is asked
		if err != nil {
			return err
		}
		defer conn.Close()
		if serial := conn.ConnectionState().PeerCertificates[0].SerialNumber; serial.Int64() != 2 {
			return errorOf(serial)
		}
		return nil
	})
	w.must("health")
	b.Open(strings.TrimSpace(w.must("jobs", "web"))) // a pass serves here too
	b.Reads(".who", "@")
	b.Clean()
}
