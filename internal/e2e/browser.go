package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	pictures "image"
	"image/png"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Browser is a tab of a headless Chromium.
type Browser struct {
	t   testing.TB
	ctx context.Context

	mu     sync.Mutex
	faults []string // errors of scripts, and what the policy of the page refused
}

// NewBrowser starts Chromium. Without it the test is skipped, or fails when
// REAL=require.
func NewBrowser(t testing.TB, width, height int64) *Browser {
	t.Helper()
	path := chromium()
	if path == "" {
		if os.Getenv("REAL") == "require" {
			t.Fatal("no Chromium: apt-get install chromium")
		}
		t.Skip("NOT TESTED: no Chromium; apt-get install chromium")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.IgnoreCertErrors) // as root, with a certificate of ours
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, end := chromedp.NewContext(allocator)
	t.Cleanup(func() { end(); stop() })
	b := &Browser{t: t, ctx: ctx}
	// Without a deadline: one of the first call would be that of the browser.
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	command(b, log.Enable, cdp.Empty{})
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

func chromium() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func (b *Browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		b.faults = append(b.faults, text)
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError && e.Entry.Source != log.EntrySourceNetwork {
			b.faults = append(b.faults, e.Entry.Text)
		}
	}
}

// Clean fails if a script had an error, or did what the page's policy forbids.
func (b *Browser) Clean() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.faults) > 0 {
		b.t.Errorf("the browser complains: %s", strings.Join(b.faults, "\n"))
	}
}

// command sends one of the browser's protocol.
func command[P, R any](b *Browser, cmd cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	answer, err := chromedp.Call(ctx, cmd, params)
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return answer
}

func (b *Browser) do(step chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, step); err != nil {
		b.t.Fatalf("browser: %v; the page shows:\n%s", err, b.Text("body"))
	}
}

// evaluated is what an expression of the page is.
func evaluated[T any](b *Browser, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[T](expression))
}

// Open goes to an address.
func (b *Browser) Open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// Eval returns what an expression of the page is.
func Eval[T any](b *Browser, expression string) T {
	b.t.Helper()
	v, err := evaluated[T](b, expression)
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// Text is what is to be read in an element.
func (b *Browser) Text(selector string) string {
	text, _ := evaluated[string](b, fmt.Sprintf(`document.querySelector(%s)?.innerText ?? ""`, quoted(selector))) // it is not there yet
	return text
}

// Reads waits until an element says something.
func (b *Browser) Reads(selector, text string) {
	b.t.Helper()
	eventually(b.t, fmt.Sprintf("%s to say %q", selector, text), func() error {
		if got := b.Text(selector); !strings.Contains(got, text) {
			return fmt.Errorf("it says %q, the page %q", got, b.Text("body"))
		}
		return nil
	})
}

// Holds waits until an expression is true.
func (b *Browser) Holds(expression string) {
	b.t.Helper()
	eventually(b.t, expression, func() error {
		ok, err := evaluated[bool](b, "Boolean("+expression+")")
		if err != nil {
			return err
		}
		if !ok {
			return errors.New(b.Text("body"))
		}
		return nil
	})
}

// Click clicks what is visible.
func (b *Browser) Click(selector string) {
	b.t.Helper()
	b.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible))
}

// Press types keys where the focus is.
func (b *Browser) Press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// TabTo presses the tabulator until the focus is on an element.
func (b *Browser) TabTo(selector string) {
	b.t.Helper()
	for range 60 {
		if Eval[bool](b, "document.activeElement?.matches("+quoted(selector)+") ?? false") {
			return
		}
		b.Press(kb.Tab)
	}
	b.t.Fatalf("%s cannot be reached by the keyboard:\n%s", selector, b.Text("body"))
}

// Scheme makes the page dark or light, at once.
func (b *Browser) Scheme(scheme string) {
	b.t.Helper()
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
}

// Picture returns what is seen.
func (b *Browser) Picture() pictures.Image {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	picture, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		b.t.Fatal(err)
	}
	return picture
}

// pause lets what is drawn settle before a picture.
func (b *Browser) pause(d time.Duration) {
	b.t.Helper()
	b.do(chromedp.Sleep(d))
}

func quoted(text string) string {
	q, _ := json.Marshal(text) // a string always can be
	return string(q)
}
