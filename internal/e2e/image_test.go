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
	dir, err := os.MkdirTemp("", "dispatcher-e2e-")
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

func TestTheImageStartsWithTheEnvironmentOfThePythonDispatchersComposeFile(t *testing.T) {
	t.Parallel()
	i := newImage(t)
	w := NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	cmd := i.command("/usr/local/bin/dispatcher", "run")
	listen := freeAddress(t)
	cmd.Env = append(cmd.Env,
		"API_URL="+w.Base, "BOOTSTRAP_SERVERS="+w.Kafka.Addr, "KAFKA_USE_AUTH=", "OBSERVATION_TOPIC=observation", "ERRORS_TOPIC=errors",
		"TOKEN=admin-token", "AUTO_RENEW_SESSION=True", "DEBUG=False", "S3_URL="+w.S3.URL,
		"S3_ACCESS_KEY="+fakes3.AccessKey, "S3_SECRET_KEY="+fakes3.SecretKey,
		"HTTP_LISTEN="+listen) // the only one of ours: the port may be taken on this host
	p := w.follow(stage.Launch(cmd))
	p.Says("active: working")
	w.Produce(update("foo", "status", "active"))
	stats := func(want string) {
		eventually(t, want, func() error {
			out, err := i.command("/usr/local/bin/dispatcher", "jobs", "stats", "--json").Output()
			if err == nil && !strings.Contains(string(out), want) {
				err = fmt.Errorf("it is %s", out)
			}
			return err
		})
	}
	stats(`"succeeded":1`)
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

func TestTheImageHoldsTheBinaryCertificatesAndAUserOnly(t *testing.T) {
	t.Parallel()
	i := newImage(t)
	var got []string
	err := filepath.WalkDir(i.root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			got = append(got, strings.TrimPrefix(path, i.root))
		}
		return err
	})
	want := "/etc/group /etc/passwd /etc/ssl/certs/ca-certificates.crt /usr/local/bin/dispatcher"
	if err != nil || strings.Join(got, " ") != want {
		t.Errorf("it holds %q: %v", got, err)
	}
	out, err := i.command("/usr/local/bin/dispatcher", "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "dispatcher test ") {
		t.Errorf("version: %q: %v", out, err)
	}
}
