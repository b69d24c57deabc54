package e2e

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/accessibility"
)

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
