package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
	"dispatcher/internal/fakes3"
)

// filesAtOnce is how many uploads run at the same time.
const filesAtOnce = 8

// files measures what uploads add to the memory of an idle process: files from
// S3, and files within messages.
func (b *bench) files(ctx context.Context) error {
	bucket, err := fakes3.Start("bucket")
	if err != nil {
		return err
	}
	defer bucket.Close()
	big := randomBytes(50_000_000)
	inS3, inMessage := make([][]byte, filesAtOnce), make([][]byte, filesAtOnce)
	for i := range filesAtOnce {
		key := fmt.Sprintf("file-%d.bin", i)
		if err := bucket.Put("bucket", key, append(big[:len(big)-1:len(big)-1], byte(i))); err != nil {
			return err
		}
		inS3[i] = fmt.Appendf(nil, `{"message_type":"upload_attachment","values":{"file_name":"s3-%d.txt","file_s3_bucket":"bucket","file_s3_key":%q}}`, i, key)
		content := base64.StdEncoding.EncodeToString(append(bytes.Clone(big[:11_000_000]), byte(i)))
		inMessage[i] = fmt.Appendf(nil, `{"message_type":"upload_attachment","values":{"file_name":"message-%d.txt","file_content":%q}}`, i, content)
	}
	for _, c := range []struct {
		name   string
		values [][]byte
	}{{"50 MB from S3", inS3}, {"11 MB in a message", inMessage}} {
		over, err := b.filesOnce(ctx, bucket.URL, c.values)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		name := fmt.Sprintf("%d files of %s", filesAtOnce, c.name)
		fmt.Printf("%-30s %8.0f MiB RssAnon over idle, at most\n", name, over)
		b.result["MiB over idle, "+name] = over
	}
	return nil
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// filesOnce uploads files all at once and returns the most memory above idle.
func (b *bench) filesOnce(ctx context.Context, s3 string, values [][]byte) (over float64, err error) {
	api := fakeciso.New(fakeciso.Config{})
	base, err := api.Start("")
	if err != nil {
		return 0, err
	}
	defer api.Close()
	s, err := b.stage(ctx, 0, 0)
	if err != nil {
		return 0, err
	}
	defer s.close()
	host := strings.TrimSuffix(strings.TrimPrefix(base, "http://"), "/api")
	err = s.start(host, "USER_TOKEN=admin-token", fmt.Sprint("CONCURRENCY=", filesAtOnce),
		"S3_URL="+s3, "S3_ACCESS_KEY="+fakes3.AccessKey, "S3_SECRET_KEY="+fakes3.SecretKey)
	if err != nil {
		return 0, err
	}
	time.Sleep(4 * time.Second) // until it is idle
	_, idle := memory(s.cmd.Process.Pid)
	for _, v := range values { // one batch each: they are as large as one may be
		if err := s.kafka.Produce(ctx, kafka.Message{Topic: "observation", Value: v}); err != nil {
			return 0, err
		}
	}
	most := idle
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err = b.wait(ctx, func() bool {
		_, anon := memory(s.cmd.Process.Pid)
		most = max(most, anon)
		return len(api.Objects("evidences")) == len(values)
	})
	return most - idle, err
}
