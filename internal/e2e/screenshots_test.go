package e2e

import (
	"bytes"
	"errors"
	"fmt"
	pictures "image"
	"image/color"
	"image/png"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
)

// TestScreenshots makes the pictures of the documentation, see `make screenshots`.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("SCREENSHOTS")
	if dir == "" {
		t.Skip("it makes pictures, it tests nothing: make screenshots")
	}
	length, err := time.ParseDuration(os.Getenv("SCREENSHOTS_AFTER"))
	if err != nil {
		length = 4 * time.Minute
	}
	w := NewWorld(t, 3, fakeciso.Config{})
	address := freeAddress(t)
	w.Env["HTTP_LISTEN"] = address
	delete(w.Env, "RETRY_BASE")
	w.Env["RETRY_CAP"] = "5m"
	for i := range 40 {
		w.API.AddControl(map[string]any{"ref_id": fmt.Sprintf("AC-%d", i), "name": fmt.Sprintf("Control %d", i)})
	}
	p := w.Start()
	w.soon("jobs", "stats")
	busy(t, w, length)
	// An evening that went wrong: objects nobody made, an API that was away.
	for i := range 12 {
		w.Send(kafka.Message{Topic: "observation", Key: fmt.Appendf(nil, "scanner-%d", i), Value: []byte(update(fmt.Sprintf("AC-%d", 100+i%4), "status", "active"))})
	}
	w.Produce(update("AC-3", "priority", "urgent"), update("AC-4", "colour", "red"), `{"message_type":"delete_everything","values":{"a":1}}`)
	w.API.AddFault(fakeciso.Fault{Method: "PATCH", Times: 2, Kind: fakeciso.Status, Code: http.StatusInternalServerError, Body: `{"detail":"database is locked"}`})
	w.Send(kafka.Message{Topic: "observation", Key: []byte("AC-7"), Value: []byte(update("AC-7", "observation", "patched"))})
	b := NewBrowser(t, 1280, 800)
	b.Open(w.url())
	b.Reads(".who", "@")
	eventually(t, "failures", func() error {
		if n := len(w.Jobs()); n == 0 {
			return errors.New("none")
		}
		return nil
	})
	w.must("jobs", "pause", "--type", "upload_attachment", "--reason", "storage is being moved, CHG-4711")
	w.Produce(`{"message_type":"upload_attachment","values":{"file_name":"scan.txt","file_content":"aGVsbG8="}}`)
	failed := ""
	for id, job := range w.Jobs() {
		if e, ok := job["error"].(map[string]any); ok && e["code"] == "rejected" {
			failed = id
		}
	}
	for _, shot := range []struct{ name, path string }{
		{"overview", "/"}, {"jobs", "/jobs?state=failed&state=queued&state=retrying"}, {"job", "/jobs/" + failed},
	} {
		b.Open("http://" + address + shot.path)
		b.Reads("h1", "")
		for _, scheme := range []string{"light", "dark"} {
			b.Scheme(scheme)
			b.pause(1500 * time.Millisecond)
			keep(t, b.Picture(), filepath.Join(dir, shot.name+"-"+scheme+".png"))
		}
	}
	p.Stop()
}

// keep writes a picture with the 256 colours that it has most of: a page has few.
func keep(t *testing.T, picture pictures.Image, path string) {
	t.Helper()
	often := make(map[color.RGBA]int)
	box := picture.Bounds()
	at := func(x, y int) color.RGBA { return color.RGBAModel.Convert(picture.At(x, y)).(color.RGBA) }
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			often[at(x, y)]++
		}
	}
	colours := slices.SortedFunc(maps.Keys(often), func(a, b color.RGBA) int { return often[b] - often[a] })
	palette := paletteOf(colours)
	nearest := make(map[color.RGBA]uint8)
	for _, c := range colours {
		nearest[c] = uint8(palette.Index(c))
	}
	small := pictures.NewPaletted(box, palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		for x := box.Min.X; x < box.Max.X; x++ {
			small.SetColorIndex(x, y, nearest[at(x, y)])
		}
	}
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, small); err != nil {
		t.Fatal(err)
	}
	if out.Len() > 200<<10 {
		t.Errorf("%s has %d bytes", path, out.Len())
	}
	if err := os.WriteFile(path, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// paletteOf chooses the colours that are there most, and then those that are
// unlike any chosen one: a small mark must keep its colour.
func paletteOf(colours []color.RGBA) (palette color.Palette) {
	const most, unlike = 192, 40
	far := func(a, b uint8) int { return max(int(a)-int(b), int(b)-int(a)) }
	for i, c := range colours {
		near := slices.ContainsFunc(palette, func(p color.Color) bool {
			o := p.(color.RGBA)
			return far(c.R, o.R)+far(c.G, o.G)+far(c.B, o.B) < unlike
		})
		if i < most || !near && len(palette) < 256 {
			palette = append(palette, c)
		}
	}
	return palette
}

// busy sends messages for a while, as producers do: now more, now less.
func busy(t *testing.T, w *World, length time.Duration) {
	t.Helper()
	begin := time.Now()
	for i := 0; time.Since(begin) < length; i++ {
		n := 4 + i%9*3
		for k := range n {
			w.Send(kafka.Message{Topic: "observation", Key: fmt.Appendf(nil, "AC-%d", k), Value: []byte(update(fmt.Sprintf("AC-%d", k), "observation", fmt.Sprintf("scan %d", i)))})
		}
		time.Sleep(2 * time.Second) // the pace of the producers
	}
}
