package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/chromedp/kb"
	"github.com/segmentio/kafka-go"
	"golang.org/x/crypto/bcrypt"

	"dispatcher/internal/fakeciso"
)

// url is an address that opens the page once, for whoever may act.
func (w *World) url() string {
	w.t.Helper()
	return strings.TrimSpace(w.soon("jobs", "web"))
}

// newPage is a world with a dispatcher that has a page.
func newPage(t *testing.T) (w *World, p *Process, base string) {
	t.Helper()
	w = NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["HTTP_LISTEN"] = freeAddress(t)
	p = w.Start()
	w.soon("jobs", "stats")
	return w, p, "http://" + w.Env["HTTP_LISTEN"]
}

func TestTheWebPageShowsJobsAsTheyMove(t *testing.T) {
	t.Parallel()
	b := NewBrowser(t, 1280, 800)
	w, p, base := newPage(t)
	b.Open(base)
	b.Reads("h1", "Overview")
	b.Reads(".live", "live")
	b.Reads(".where", "read only")
	Eval[bool](b, "window.same = true")
	w.Produce(update("foo", "status", "active"))
	b.Reads(".counts .succeeded", "1")
	b.Click("nav a[href='/jobs']")
	b.Reads(".jobs", "observation-0-0")
	w.Produce(update("nobody", "status", "active"))
	b.Reads(".jobs", "no applied control matches")
	b.Click("input[name=state][value=failed]")
	b.Holds("location.search === '?state=failed' && document.querySelectorAll('.jobs tbody tr').length === 1")
	w.Produce(update("nobody", "status", "to_do"))
	b.Holds("document.querySelectorAll('.jobs tbody tr').length === 2")
	b.Click("details[data-key=code] summary")
	b.Click("input[name=code][value=no_match]")
	b.Holds("location.search === '?state=failed&code=no_match' && document.querySelectorAll('.jobs tbody tr').length === 2")
	b.Open(base + "/jobs?state=failed&code=rejected") // the address alone says what is shown
	b.Reads("main", "No job matches")
	b.Holds("document.querySelector('input[value=rejected]').checked && !document.querySelector('input[value=no_match]').checked")
	b.Open(base + "/jobs?state=nonsense")
	b.Reads("[role=alert]", "unknown state")
	b.Open(base + "/jobs/observation-9-9")
	b.Reads("[role=alert]", "no such job")

	b.Open(base)
	Eval[bool](b, "window.same = true")
	b.Reads(".live", "live")
	p.Kill()
	b.Reads(".live", "reconnecting")
	w.Start()
	b.Reads(".live", "live")
	w.soon("jobs", "stats")
	w.Produce(update("foo", "status", "to_do"))
	b.Reads(".counts .succeeded", "2")
	b.Holds("window.same") // nothing was loaded anew
	b.Clean()
}

func TestAnOperatorMendsAFailureInTheWebPageByKeyboard(t *testing.T) {
	t.Parallel()
	b := NewBrowser(t, 1280, 800)
	w, p, base := newPage(t)
	for i := range 3 {
		w.Send(kafka.Message{Topic: "observation", Key: fmt.Append(nil, i), Value: []byte(update("later", "status", "active"))})
	}
	w.Ended(3)
	once := w.url()
	b.Open(once)
	b.Reads(".who", "@")
	b.Holds("location.hash === ''")
	b.TabTo("nav a[href='/jobs']")
	b.Press(kb.Enter)
	b.Holds("document.activeElement.matches('h1') && document.activeElement.textContent === 'Jobs'")
	b.TabTo("a[href='/jobs/observation-0-1']")
	b.Press(kb.Enter)
	b.Reads("h1", "observation-0-1")
	b.Reads(".why", "no_match")
	b.Reads(".timeline", "Attempt 1")
	b.TabTo("[data-do=message]")
	b.Press(kb.Enter)
	b.Reads(".message pre", `"ref_id": "later"`)
	w.API.AddControl(map[string]any{"ref_id": "later", "name": "Later"})
	b.TabTo("button[data-verb=retry]")
	b.Press(kb.Enter)
	b.Reads("dialog", "1 job would be queued again")
	b.because("the control was made, CHG-1")
	b.TabTo("dialog button.primary")
	b.Press(kb.Enter)
	b.Reads("dialog", "1 of 1 job is queued again")
	b.Press(kb.Escape)
	b.Holds("!document.querySelector('dialog').open")
	b.Reads(".head .state", "succeeded")
	b.Reads(".timeline", "the control was made, CHG-1")
	var shown struct{ Audit []map[string]string }
	if err := json.Unmarshal([]byte(w.must("jobs", "show", "observation-0-1", "--json")), &shown); err != nil || len(shown.Audit) != 1 ||
		shown.Audit[0]["reason"] != "the control was made, CHG-1" || !strings.HasSuffix(shown.Audit[0]["operator"], " (web)") {
		t.Errorf("audit %v: %v", shown.Audit, err)
	}
	b.Open(base + "/jobs?state=failed") // the rest at once
	b.Click(".bulk button[data-verb=retry]")
	b.Reads("dialog", "2 jobs would be queued again")
	b.because("all of them")
	b.Click("dialog button.primary")
	b.Reads("dialog", "2 of 2 jobs are queued again")
	b.Click("dialog [data-close]")
	b.Reads("main", "No job matches")
	w.become("observation-0-2", "succeeded")

	b.Open(base)
	b.Click("button[data-verb=pause]")
	b.because("freeze")
	b.Click("dialog button.primary")
	b.Reads("dialog", "Work is paused")
	b.Click("dialog [data-close]")
	b.Reads("#holds", "freeze")
	w.Produce(update("foo", "status", "active"))
	w.Known(4)
	b.Open(base + "/jobs/observation-0-3")
	b.Reads(".why", "on hold, paused")
	b.Click("button[data-verb=cancel]")
	b.because("typo")
	b.Click("dialog button.danger")
	b.Reads("dialog", "1 of 1 job is canceled")
	b.Click("dialog [data-close]")
	b.Reads(".head .state", "canceled")
	b.Click("#holds button[data-verb=resume]")
	b.because("done")
	b.Click("dialog button.primary")
	b.Reads("dialog", "Work goes on")
	b.Click("dialog [data-close]")
	b.Holds("document.querySelector('#holds').hidden")

	p.Stop() // sessions end with the process
	w.Start()
	b.Reads(".where", "read only")
	b.Holds("!document.querySelector('[data-do=act]')")
	b.Open("about:blank")
	b.Open(once)
	b.Reads("[role=alert]", "used already")
	b.Clean()
}

func TestTheWebPageCanBeReadByEverybody(t *testing.T) {
	t.Parallel()
	b := NewBrowser(t, 1280, 800)
	w, _, base := newPage(t)
	w.Produce(update("foo", "status", "active"), update("nobody", "status", "active"))
	w.Ended(2)
	w.must("jobs", "pause", "--reason", "audit")
	b.Open(w.url())
	b.Reads(".who", "@")
	for _, path := range []string{"/", "/jobs", "/jobs/observation-0-1", "dialog"} {
		if path == "dialog" {
			b.Click("button[data-verb=retry]")
			b.Reads("dialog", "would be queued")
		} else {
			b.Open(base + path)
			b.Holds("document.querySelector('.counts, .jobs, .timeline')")
			b.Reads("#holds", "audit")
		}
		for _, scheme := range []string{"light", "dark"} {
			b.Scheme(scheme)
			b.pause(200 * time.Millisecond) // colours change by and by
			for _, fault := range Eval[[]string](b, contrast) {
				t.Errorf("%s, %s: %s", path, scheme, fault)
			}
		}
		if path != "dialog" {
			b.landmarks(path)
			for _, fault := range Eval[[]string](b, structure) {
				t.Errorf("%s: %s", path, fault)
			}
		}
		b.named(path)
		b.axe(path)
	}
	if Eval[string](b, "getComputedStyle(document.body.parentElement).backgroundColor") == "rgb(245, 246, 248)" {
		t.Error("dark is light")
	}
	narrow := NewBrowser(t, 360, 740)
	for _, path := range []string{"/", "/jobs", "/jobs/observation-0-1"} {
		narrow.Open(base + path)
		narrow.Holds("document.querySelector('.counts, .jobs, .timeline')")
		if wide := Eval[int](narrow, "document.documentElement.scrollWidth"); wide > 360 {
			t.Errorf("%s is %d wide on a narrow screen", path, wide)
		}
	}
	b.Clean()
	narrow.Clean()
}

// because gives the reason that the dialog asks for.
func (b *Browser) because(reason string) {
	b.t.Helper()
	b.Holds("document.activeElement.matches('dialog textarea')")
	b.Press(reason)
}

// axNodes are what assistive technology is told of the page.
func (b *Browser) axNodes() (roles map[string][]string) {
	b.t.Helper()
	roles = make(map[string][]string)
	for _, n := range command(b, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{}).Nodes {
		if n.Ignored || n.Role == nil {
			continue
		}
		text := func(v *accessibility.Value) (s string) {
			if v != nil {
				_ = json.Unmarshal(v.Value, &s) // no text: empty
			}
			return s
		}
		roles[text(n.Role)] = append(roles[text(n.Role)], text(n.Name))
	}
	return roles
}

// named fails if something that is used or shown has no name.
func (b *Browser) named(where string) {
	b.t.Helper()
	for role, names := range b.axNodes() {
		switch role {
		case "button", "link", "textbox", "searchbox", "checkbox", "combobox", "image", "dialog", "navigation", "region", "table", "heading", "figure", "search", "progressbar":
			for _, name := range names {
				if strings.TrimSpace(name) == "" && role != "figure" {
					b.t.Errorf("%s: a %s has no name", where, role)
				}
			}
		}
	}
}

// axe asks axe-core too, whose axe.min.js the variable AXE names.
func (b *Browser) axe(where string) {
	b.t.Helper()
	path := os.Getenv("AXE")
	if path == "" {
		return
	}
	script, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	Eval[bool](b, string(script)+";true")
	Eval[bool](b, `axe.run().then((r) => { window.found = r.violations.map((v) => v.id + ": " + v.nodes.map((n) => n.html).join(" ")); }), true`)
	b.Holds("window.found")
	for _, fault := range Eval[[]string](b, "window.found.splice(0)") {
		b.t.Errorf("%s: %s", where, fault)
	}
	Eval[bool](b, "delete window.found")
}

func (b *Browser) landmarks(where string) {
	b.t.Helper()
	roles := b.axNodes()
	for _, role := range []string{"banner", "main"} {
		if len(roles[role]) != 1 {
			b.t.Errorf("%s: %d times %s", where, len(roles[role]), role)
		}
	}
	if len(roles["navigation"]) == 0 || len(roles["status"]) == 0 {
		b.t.Errorf("%s: no navigation, or nothing that is said", where)
	}
}

// structure names what is wrong with headings, ids, tables and sizes of targets.
const structure = `(() => {
  const faults = [], all = (selector) => [...document.querySelectorAll(selector)];
  if (document.documentElement.lang !== "en") faults.push("no language");
  if (all("h1").length !== 1) faults.push(all("h1").length + " h1");
  const ids = all("[id]").map((e) => e.id);
  if (new Set(ids).size !== ids.length) faults.push("an id is there twice");
  if (document.title.length < 12) faults.push("no title: " + document.title);
  for (const table of all("table")) if (!table.querySelector("thead th")) faults.push("a table without heads");
  for (const e of all("button, summary, input:not([type=checkbox]), select")) {
    const box = e.getBoundingClientRect();
    if (box.width && (box.height < 24 || box.width < 24)) faults.push("too small to hit: " + e.outerHTML.slice(0, 80));
  }
  return faults;
})()`

// contrast names texts that are hard to read: below 4.5:1 (WCAG AA).
const contrast = `(() => {
  const faults = new Set();
  const rgba = (text) => { const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number); return { r, g, b, a }; };
  const over = (top, under) => ({ r: top.r * top.a + under.r * (1 - top.a), g: top.g * top.a + under.g * (1 - top.a), b: top.b * top.a + under.b * (1 - top.a), a: 1 });
  const light = ({ r, g, b }) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (e) => { const layers = []; for (; e; e = e.parentElement) layers.unshift(rgba(getComputedStyle(e).backgroundColor)); return layers.reduce((under, top) => over(top, under), { r: 255, g: 255, b: 255, a: 1 }); };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || e.closest(":disabled, .hidden, noscript, option")) continue;
    const under = ground(e), front = over(rgba(getComputedStyle(e).color), under);
    const [high, low] = [light(front), light(under)].sort((a, b) => b - a);
    const ratio = (high + 0.05) / (low + 0.05);
    if (ratio < 4.5) faults.add(ratio.toFixed(2) + " " + e.className + " " + walker.currentNode.data.trim().slice(0, 40));
  }
  return [...faults];
})()`

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
