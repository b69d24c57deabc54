//go:build real

package realparts

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
)

// dir is where the parts are kept.
func dir() (string, error) {
	if d := os.Getenv("REALPARTS_DIR"); d != "" {
		return d, os.MkdirAll(d, 0o755)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	d := filepath.Join(cache, "dispatcher-realparts")
	return d, os.MkdirAll(d, 0o755)
}

// fetched gets both parts, once.
var fetched = sync.OnceValues(func() (string, error) {
	d, err := dir()
	if err != nil {
		return "", err
	}
	if err := fetchKafka(filepath.Join(d, "kafka-4.4.0")); err != nil {
		return "", err
	}
	return d, fetchS3(d)
})

func fetchKafka(lib string) error {
	if jars, _ := filepath.Glob(filepath.Join(lib, "kafka_2.13-*.jar")); len(jars) > 0 {
		return nil
	}
	_, file, _, _ := runtime.Caller(0)
	mvn := exec.Command("mvn", "-q", "-B", "-f", filepath.Join(filepath.Dir(file), "pom.xml"), "dependency:copy-dependencies", "-DoutputDirectory="+lib, "-DincludeScope=runtime")
	if out, err := mvn.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch Apache Kafka: %w: %s", err, out)
	}
	return nil
}

func fetchS3(d string) error {
	if _, err := os.Stat(filepath.Join(d, "versitygw")); err == nil {
		return nil
	}
	install := exec.Command("go", "install", "github.com/versity/versitygw/cmd/versitygw@v1.8.0")
	install.Dir = d
	install.Env = append(os.Environ(), "GOBIN="+d, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("build versitygw: %w: %s", err, out)
	}
	return nil
}

// Need gets the parts, or skips the test; with REAL=require it fails.
func Need(t Host) string {
	t.Helper()
	d, err := fetched()
	if err == nil {
		_, err = exec.LookPath("java")
	}
	if err == nil {
		return d
	}
	if os.Getenv("REAL") == "require" {
		t.Fatalf("real parts are required: %v", err)
	}
	t.Skipf("real parts are not here: %v", err)
	return ""
}
