//go:build real

package realparts

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3 is a real S3 server.
type S3 struct {
	URL    string
	Client *minio.Client
}

// The keys of its root user.
const (
	AccessKey = "root-access"
	SecretKey = "root-s3cret"
)

// StartS3 runs versitygw on a directory.
func StartS3(t Host) *S3 {
	t.Helper()
	dir, addr := t.TempDir(), free(t)
	for _, sub := range []string{"data", "meta"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	cmd := exec.Command(filepath.Join(Need(t), "versitygw"), "--port", addr, "--access", AccessKey, "--secret", SecretKey, "--region", "us-east-1",
		"posix", "--sidecar", filepath.Join(dir, "meta"), filepath.Join(dir, "data"))
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	client, err := minio.New(addr, &minio.Options{Creds: credentials.NewStaticV4(AccessKey, SecretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	s := &S3{URL: "http://" + addr, Client: client}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		if _, err = client.ListBuckets(t.Context()); err == nil {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatalf("versitygw does not start: %v", err)
		}
	}
}

// Put stores an object, making its bucket.
func (s *S3) Put(ctx context.Context, bucket, key, content string) error {
	if err := s.Client.MakeBucket(ctx, bucket, minio.MakeBucketOptions{}); err != nil && minio.ToErrorResponse(err).StatusCode != 409 {
		return err
	}
	_, err := s.Client.PutObject(ctx, bucket, key, strings.NewReader(content), int64(len(content)), minio.PutObjectOptions{})
	return err
}
