package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/segmentio/kafka-go"

	"dispatcher/internal/fakeciso"
)

// url is an address that opens the page once, for whoever may act.
func (w *World) url() string {
	w.t.Helper()
	return strings.TrimSpace(w.soon("jobs", "web"))
}

// newPage is a world with a dispatcher that has a page.
func newPage(t *testing.T) (w *World, p *Process, base string) {
	t.Helper()
	w = NewWorld(t, 1, fakeciso.Config{})
	w.API.AddControl(map[string]any{"ref_id": "foo", "name": "Foo"})
	w.Env["HTTP_LISTEN"] = freeAddress(t)
	p = w.Start()
	w.soon("jobs", "stats")
	return w, p, "http://" + w.Env["HTTP_LISTEN"]
}

func TestTheWebPageShowsJobsAsTheyMove(t *testing.T) {
	t.Parallel()
	b := NewBrowser(t, 1280, 800)
	w, p, base := newPage(t)
	b.Open(base)
	b.Reads("h1", "Overview")
	b.Reads(".live", "live")
	b.Reads(".where", "read only")
	Eval[bool](b, "window.same = true")
	w.Produce(update("foo", "status", "active"))
	b.Reads(".counts .succeeded", "1")
	b.Click("nav a[href='/jobs']")
	b.Reads(".jobs", "observation-0-0")
	w.Produce(update("nobody", "status", "active"))
	b.Reads(".jobs", "no applied control matches")
	b.Click("input[name=state][value=failed]")
	b.Holds("location.search === '?state=failed' && document.querySelectorAll('.jobs tbody tr').length === 1")
	w.Produce(update("nobody", "status", "to_do"))
	b.Holds("document.querySelectorAll('.jobs tbody tr').length === 2")
	b.Click("details[data-key=code] summary")
	b.Click("input[name=code][value=no_match]")
	b.Holds("location.search === '?state=failed&code=no_match' && document.querySelectorAll('.jobs tbody tr').length === 2")
	b.Open(base + "/jobs?state=failed&code=rejected") // the address alone says what is shown
	b.Reads("main", "No job matches")
	b.Holds("document.querySelector('input[value=rejected]').checked && !document.querySelector('input[value=no_match]').checked")
	b.Open(base + "/jobs?state=nonsense")
	b.Reads("[role=alert]", "unknown state")
	b.Open(base + "/jobs/observation-9-9")
	b.Reads("[role=alert]", "no such job")

	b.Open(base)
	Eval[bool](b, "window.same = true")
	b.Reads(".live", "live")
	p.Kill()
	b.Reads(".live", "reconnecting")
	w.Start()
	b.Reads(".live", "live")
	w.soon("jobs", "stats")
	w.Produce(update("foo", "status", "to_do"))
	b.Reads(".counts .succeeded", "2")
	b.Holds("window.same") // nothing was loaded anew
	b.Clean()
}

func TestAnOperatorMendsAFailureInTheWebPageByKeyboard(t *testing.T) {
	t.Parallel()
	b := NewBrowser(t, 1280, 800)
	w, p, base := newPage(t)
	for i := range 3 {
		w.Send(kafka.Message{Topic: "observation", Key: fmt.Append(nil, i), Value: []byte(update("later", "status", "active"))})
	}
	w.Ended(3)
	once := w.url()
	b.Open(once)
	b.Reads(".who", "@")
	b.Holds("location.hash === ''")
	b.TabTo("nav a[href='/jobs']")
	b.Press(kb.Enter)
	b.Holds("document.activeElement.matches('h1') && document.activeElement.textContent === 'Jobs'")
	b.TabTo("a[href='/jobs/observation-0-1']")
	b.Press(kb.Enter)
	b.Reads("h1", "observation-0-1")
	b.Reads(".why", "no_match")
	b.Reads(".timeline", "Attempt 1")
	b.TabTo("[data-do=message]")
	b.Press(kb.Enter)
	b.Reads(".message pre", `"ref_id": "later"`)
	w.API.AddControl(map[string]any{"ref_id": "later", "name": "Later"})
	b.TabTo("button[data-verb=retry]")
	b.Press(kb.Enter)
	b.Reads("dialog", "1 job would be queued again")
	b.because("the control was made, CHG-1")
	b.TabTo("dialog button.primary")
	b.Press(kb.Enter)
	b.Reads("dialog", "1 of 1 job is queued again")
	b.Press(kb.Escape)
	b.Holds("!document.querySelector('dialog').open")
	b.Reads(".head .state", "succeeded")
	b.Reads(".timeline", "the control was made, CHG-1")
	var shown struct{ Audit []map[string]string }
	if err := json.Unmarshal([]byte(w.must("jobs", "show", "observation-0-1", "--json")), &shown); err != nil || len(shown.Audit) != 1 ||
		shown.Audit[0]["reason"] != "the control was made, CHG-1" || !strings.HasSuffix(shown.Audit[0]["operator"], " (web)") {
		t.Errorf("audit %v: %v", shown.Audit, err)
	}
	b.Open(base + "/jobs?state=failed") // the rest at once
	b.Click(".bulk button[data-verb=retry]")
	b.Reads("dialog", "2 jobs would be queued again")
	b.because("all of them")
	b.Click("dialog button.primary")
	b.Reads("dialog", "2 of 2 jobs are queued again")
	b.Click("dialog [data-close]")
	b.Reads("main", "No job matches")
	w.become("observation-0-2", "succeeded")

	b.Open(base)
	b.Click("button[data-verb=pause]")
	b.because("freeze")
	b.Click("dialog button.primary")
	b.Reads("dialog", "Work is paused")
	b.Click("dialog [data-close]")
	b.Reads("#holds", "freeze")
	w.Produce(update("foo", "status", "active"))
	w.Known(4)
	b.Open(base + "/jobs/observation-0-3")
	b.Reads(".why", "on hold, paused")
	b.Click("button[data-verb=cancel]")
	b.because("typo")
	b.Click("dialog button.danger")
	b.Reads("dialog", "1 of 1 job is canceled")
	b.Click("dialog [data-close]")
	b.Reads(".head .state", "canceled")
	b.Click("#holds button[data-verb=resume]")
	b.Holds("document.querySelector('dialog').dispatchEvent(new Event('close'))") // that of the dialog before may come late
	b.because("done")
	b.Click("dialog button.primary")
	b.Reads("dialog", "Work goes on")
	b.Click("dialog [data-close]")
	b.Holds("document.querySelector('#holds').hidden")

	p.Stop() // sessions end with the process
	w.Start()
	b.Reads(".where", "read only")
	b.Holds("!document.querySelector('[data-do=act]')")
	b.Open("about:blank")
	b.Open(once)
	b.Reads("[role=alert]", "used already")
	b.Clean()
}

// because gives the reason that the dialog asks for.
func (b *Browser) because(reason string) {
	b.t.Helper()
	b.Holds("document.activeElement.matches('dialog textarea')")
	b.Press(reason)
}
