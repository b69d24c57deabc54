package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakes3"
	"dispatcher/internal/stage"
)

// image is the root file system of the container image, made by the same make
// target as in the Dockerfile, with a data volume beside it.
type image struct{ root, data string }

// rootfs makes the root file system once.
var rootfs = sync.OnceValues(func() (string, error) {
	dir, err := scratch()
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "rootfs")
	build := exec.Command("make", "--no-print-directory", "rootfs", "ROOTFS="+path, "VERSION=test")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make rootfs: %w: %s", err, out)
	}
	return path, nil
})

func newImage(t *testing.T) image {
	t.Helper()
	if _, err := exec.LookPath("make"); err != nil {
		t.Skip("there is no make")
	}
	if out, err := exec.Command("unshare", "--user", "--map-root-user", "--mount", "true").CombinedOutput(); err != nil {
		t.Skipf("user namespaces are forbidden here: %v: %s", err, out)
	}
	root, err := rootfs()
	if err != nil {
		t.Fatal(err)
	}
	return image{root: root, data: t.TempDir()}
}

// command runs something in the image as a container would: as user 65532, the
// root read-only, the volume on /data, and nothing else in sight.
func (i image) command(args ...string) *exec.Cmd {
	script := `mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && mount --bind "$2" "$1/data" || exit 125
root=$1; shift 2
exec unshare --user --map-user=65532 --map-group=65532 --root="$root" --wd=/data "$@"`
	cmd := exec.Command("unshare", append([]string{"--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", i.root, i.data}, args...)...)
	cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DATA_DIR=/data/dispatcher"}
	return cmd
}

// run starts the dispatcher with the environment of the Python dispatcher's
// compose service.
func (i image) run(w *World, listen string) *Process {
	cmd := i.command("/usr/local/bin/dispatcher", "run")
	cmd.Env = append(cmd.Env,
		"API_URL="+w.Base, "BOOTSTRAP_SERVERS="+w.Kafka.Addr, "KAFKA_USE_AUTH=", "OBSERVATION_TOPIC=observation", "ERRORS_TOPIC=errors",
		"TOKEN=admin-token", "AUTO_RENEW_SESSION=True", "DEBUG=False", "S3_URL="+w.S3.URL,
		"S3_ACCESS_KEY="+fakes3.AccessKey, "S3_SECRET_KEY="+fakes3.SecretKey,
		"HTTP_LISTEN="+listen) // the only one of ours: the port may be taken on this host
	p := w.follow(stage.Launch(cmd))
	p.Says("active: working")
	return p
}

// counts waits until the jobs of the image are counted so.
func (i image) counts(t *testing.T, want string) {
	t.Helper()
	eventually(t, want, func() error {
		out, err := i.command("/usr/local/bin/dispatcher", "jobs", "stats", "--json").Output()
		if err == nil && !strings.Contains(string(out), want) {
			err = fmt.Errorf("it is %s", out)
		}
		return err
	})
}

func TestTheImageStartsWithTheEnvironmentOfThePythonDispatchersComposeFile(t *testing.T) {
	t.Parallel()
	i := newImage(t)
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	listen := freeAddress(t)
	p := i.run(w, listen)
	w.Produce(update("foo", "status", "active"))
	i.counts(t, `"succeeded":1`)
	health := i.command("/usr/local/bin/dispatcher", "health")
	health.Env = append(health.Env, "HTTP_LISTEN="+listen)
	if out, err := health.CombinedOutput(); err != nil {
		t.Errorf("health: %v: %s", err, out)
	}
	p.Stop()
	if made, err := os.ReadDir(i.data); err != nil || len(made) != 1 || made[0].Name() != "dispatcher" {
		t.Errorf("the volume holds %v: %v", made, err)
	}
}

func TestTheImageWithoutAVolumeLosesNoMessageAndSaysWhatIsNotKept(t *testing.T) {
	t.Parallel()
	i := newImage(t)
	memory, err := os.MkdirTemp("/dev/shm", "dispatcher-e2e-")
	if err != nil {
		t.Skipf("there is no /dev/shm: %v", err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(memory) })
	i.data = memory
	w := NewWorld(t, 1, fakeciso.Config{})
	id := w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	p := i.run(w, "off")
	w.Produce(update("foo", "observation", "first"))
	i.counts(t, `"succeeded":1`)
	w.Committed(0, 1)
	p.Stop()
	w.Produce(update("foo", "observation", "second"))
	if err := os.RemoveAll(filepath.Join(i.data, "dispatcher")); err != nil { // the container is gone
		t.Fatal(err)
	}
	p = i.run(w, "off")
	i.counts(t, `"succeeded":1`) // the second one
	for _, text := range []string{"jobs are lost when the host ends", "a new data directory"} {
		p.Says(text)
	}
	written := 0
	for _, c := range w.API.History("applied-controls", id) {
		if c.Fields["observation"] != nil {
			written++
		}
	}
	if got := w.API.Objects("applied-controls")[0]["observation"]; got != "second" || written != 2 {
		t.Errorf("observation %v after %d writes", got, written)
	}
	p.Stop()
}

func TestTheImageHoldsTheBinaryCertificatesLicencesAndAUserOnly(t *testing.T) {
	t.Parallel()
	i := newImage(t)
	var got []string
	err := filepath.WalkDir(i.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(path, i.root))
		}
		return err
	})
	want := "/etc/group /etc/passwd /etc/ssl/certs/ca-certificates.crt /usr/local/bin/dispatcher /usr/share/doc/dispatcher/LICENCES"
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("it holds %q: %v", got, err)
	}
	out, err := i.command("/usr/local/bin/dispatcher", "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "dispatcher test ") {
		t.Errorf("version: %q: %v", out, err)
	}
}
