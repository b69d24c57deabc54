package e2e

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/stage"
)

// otherHost is a network namespace with one cable to this one.
type otherHost struct{ name, here, there string }

// newHost makes one, or skips the test loudly where that is not allowed.
func newHost(t *testing.T) otherHost {
	t.Helper()
	n := os.Getpid() % 200
	h := otherHost{name: fmt.Sprint("dispatcher-e2e-", os.Getpid()), here: fmt.Sprintf("10.213.%d.1", n), there: fmt.Sprintf("10.213.%d.2", n)}
	near, far := fmt.Sprint("dn", os.Getpid()), fmt.Sprint("df", os.Getpid())
	for i, line := range []string{
		"ip netns add " + h.name,
		"ip link add " + near + " type veth peer name " + far + " netns " + h.name,
		"ip address add " + h.here + "/30 dev " + near,
		"ip link set " + near + " up",
		"ip -n " + h.name + " address add " + h.there + "/30 dev " + far,
		"ip -n " + h.name + " link set " + far + " up",
		"ip netns exec " + h.name + " unshare --mount true",
	} {
		words := strings.Fields(line)
		if out, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			unavailable(t, fmt.Sprintf("no second host can be made here: %s: %v %s", line, err, out))
		}
		if i == 0 {
			t.Cleanup(func() { _ = exec.Command("ip", "netns", "delete", h.name).Run() })
		}
	}
	return h
}

func unavailable(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("REAL") == "require" {
		t.Fatal(why)
	}
	t.Skip("SKIPPED: " + why)
}

// wire leads connections to an address until the end of the test.
func wire(t *testing.T, listen, to string) *stage.Wire {
	t.Helper()
	w, err := stage.NewWire(listen, to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Close() })
	return w
}

// command runs a command there, where dir is empty.
func (h otherHost) command(c stage.Command, hidden string) stage.Command {
	script := `mount -t tmpfs none "$HIDDEN" && exec "$@"`
	c.Args = append([]string{"netns", "exec", h.name, "unshare", "--mount", "sh", "-c", script, "sh", c.Path}, c.Args...)
	c.Path = "ip"
	c.Env["HIDDEN"] = hidden
	return c
}

// TestAWorkerOnAnotherHostNeedsTheJoinFileAndTheAPIOnly: it has another network
// and cannot see the data directory.
func TestAWorkerOnAnotherHostNeedsTheJoinFileAndTheAPIOnly(t *testing.T) {
	t.Parallel()
	h := newHost(t)
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Listen()
	_, port, err := net.SplitHostPort(w.Env["LISTEN"])
	if err != nil {
		t.Fatal(err)
	}
	w.Env["LISTEN"] = h.here + ":" + port
	run := w.Start()
	run.Says("active: working")
	api, err := url.Parse(w.Base)
	if err != nil {
		t.Fatal(err)
	}
	door := wire(t, h.here+":0", api.Host)
	join := w.Join("worker", "far")
	elsewhere := t.TempDir()
	path := filepath.Join(elsewhere, "far.join")
	if err := os.Rename(join, path); err != nil {
		t.Fatal(err)
	}
	c := w.command("worker", "--join", path)
	c.Env = map[string]string{
		"API_URL": "http://" + door.Addr().String() + "/api", "USER_TOKEN": "admin-token", "PATH": os.Getenv("PATH"), "HOME": elsewhere, "TMPDIR": elsewhere,
	}
	c.Dir = elsewhere
	far := w.follow(stage.Start(h.command(c, w.Dir)))
	far.Says("CISO Assistant answers")
	hidden, err := os.ReadDir(fmt.Sprintf("/proc/%d/root%s", far.PID(), w.Dir))
	if err != nil || len(hidden) != 0 {
		t.Errorf("it sees %v of the data directory, %v", hidden, err)
	}
	w.Produce(update("foo", "observation", "a"), update("foo", "observation", "b"))
	for id, job := range w.Ended(2) {
		if job["state"] != "succeeded" || !strings.HasPrefix(job["worker"].(string), "far@") {
			t.Errorf("%s: %v", id, job)
		}
	}
	far.Stop()
}

// TestARequestEndsWithTheLeaseOfAWorkerThatIsCutOff: only then the job goes to
// another; the worker finds back by itself, and what it says then is refused.
func TestARequestEndsWithTheLeaseOfAWorkerThatIsCutOff(t *testing.T) {
	t.Parallel()
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "c0", "name": "c0"})
	w.Listen()
	w.Start().Says("active: working")
	cable := wire(t, "127.0.0.1:0", w.Env["LISTEN"])
	path := filepath.Join(w.Dir, "cut.join")
	if _, stderr, code := w.Run("credentials", "worker", "--name", "cut", "--address", cable.Addr().String(), "-o", path); code != 0 {
		t.Fatal(stderr)
	}
	api, err := url.Parse(w.Base)
	if err != nil {
		t.Fatal(err)
	}
	door := wire(t, "127.0.0.1:0", api.Host)
	cut := w.Worker(path, "API_URL=http://"+door.Addr().String()+"/api", "API_TIMEOUT=30s")
	cut.Says("CISO Assistant answers")
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Times: 1, Kind: fakeciso.Hang, Delay: 10 * time.Second})
	w.Produce(update("c0", "observation", "a"))
	eventually(t, "the write to begin", func() error {
		if n := w.API.Count("PATCH", "/api/applied-controls"); n < 1 {
			return fmt.Errorf("%d", n)
		}
		return nil
	})
	cable.Cut()
	at := time.Now()
	other := w.Worker(w.Join("worker", "other"))
	w.Ended(1)
	after := w.show("observation-0-0")
	if after.State != "succeeded" || !strings.HasPrefix(after.Worker, "other@") || after.Attempts != 2 {
		t.Errorf("%+v", after)
	}
	left := time.Unix(0, door.Left.Load())
	if left.Before(at) || left.After(at.Add(2*time.Second)) {
		t.Errorf("its request ended %s after it was cut off, with a lease of 2s", left.Sub(at))
	}
	if last := time.Unix(0, door.Asked.Load()); last.After(at) {
		t.Errorf("it sent something %s after the cut", last.Sub(at))
	}
	for _, e := range w.API.Journal() {
		if e.Job == "observation-0-0" && e.Start.After(at) && e.Start.Before(left) {
			t.Errorf("%s %s was sent by the other one before", e.Method, e.Path)
		}
	}
	cable.Mend()
	cut.Says("an outcome is not taken")
	other.Stop()
	w.Produce(update("c0", "observation", "x"))
	for id, job := range w.Ended(2) {
		if job["state"] != "succeeded" {
			t.Errorf("%s: %v", id, job)
		}
	}
}
