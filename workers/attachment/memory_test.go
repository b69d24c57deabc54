package attachment

import (
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"
)

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// TestEightLargestFilesAtOnceStayWithinTheMemoryBound fetches 8 × 50 MB and
// looks at what the heap ever held.
func TestEightLargestFilesAtOnceStayWithinTheMemoryBound(t *testing.T) {
	const atOnce, bound = 8, 150 << 20
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(MaxBytes))
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		_, _ = io.Copy(w, io.LimitReader(zeros{}, MaxBytes))
	})
	s := newS3(t, address, func(c *S3Config) { c.Timeout = time.Minute })
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var group sync.WaitGroup
	for i := range atOnce {
		group.Go(func() {
			var f *File
			var err error
			if i%2 == 0 {
				f, err = s.FromBucket(t.Context(), "bucket", "large.zip")
			} else {
				f, err = s.FromURL(t.Context(), address+"/large.zip")
			}
			if err != nil || f.Size != MaxBytes {
				t.Errorf("%+v, %v", f, err)
			}
			f.Remove()
		})
	}
	group.Wait()
	runtime.ReadMemStats(&now)
	// What was allocated in all bounds what was held at any time.
	if grown := now.TotalAlloc - before.TotalAlloc; grown > bound {
		t.Errorf("%d MiB were allocated", grown>>20)
	}
}
