package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"dispatcher/jobs"
	"dispatcher/jobs/control"
)

// Rows of one page of a list.
const (
	pageRows = 50
	maxRows  = 200
)

// maxMessage bounds the message that a browser is given.
const maxMessage = 256 << 10

// overviewAnswer is what GET /api/overview answers.
type overviewAnswer struct {
	Stats   control.Stats `json:"stats"`
	Now     time.Time     `json:"now"`
	Started time.Time     `json:"started_at"`
	Every   int           `json:"every"` // seconds between samples
	Samples []Sample      `json:"samples"`
}

func (s *Server) overview(w http.ResponseWriter, r *http.Request) {
	stats, err := s.cfg.Backend.Stats(r.Context())
	if err != nil {
		failed(w, err)
		return
	}
	answer(w, overviewAnswer{
		Stats: stats, Now: s.cfg.Clock().UTC(), Started: s.cfg.Started.UTC(), Every: int(sampleEvery.Seconds()), Samples: s.history.Samples(),
	})
}

// list answers GET /api/jobs: a page, with the filters of `jobs list` by their names.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	values := r.URL.Query()
	filter, err := control.ReadFilter(given(values), s.cfg.Clock())
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	limit, err := number(values.Get("limit"), pageRows, maxRows)
	if err != nil {
		refuse(w, http.StatusBadRequest, "limit: "+err.Error())
		return
	}
	before, err := number(values.Get("before"), 0, 1<<62)
	if err != nil {
		refuse(w, http.StatusBadRequest, "before: "+err.Error())
		return
	}
	if !s.looked(r) {
		return
	}
	defer func() { <-s.looks }()
	page, err := s.cfg.Backend.List(r.Context(), control.ListQuery{Filter: filter, Before: before, Limit: int(limit)})
	if err != nil {
		failed(w, err)
		return
	}
	answer(w, page)
}

// looked waits until the ledger may be read; false: the browser has gone.
func (s *Server) looked(r *http.Request) bool {
	select {
	case s.looks <- struct{}{}:
		return true
	case <-r.Context().Done():
		return false
	}
}

// given leaves out values that are empty, as forms send them.
func given(values map[string][]string) map[string][]string {
	some := make(map[string][]string)
	for _, name := range control.FilterNames() {
		for _, v := range values[name] {
			if v != "" {
				some[name] = append(some[name], v)
			}
		}
	}
	return some
}

func number(text string, otherwise, most uint64) (uint64, error) {
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("%q is no number up to %d", text, most)
	}
	return n, nil
}

// detail is what GET /api/jobs/{id} answers.
type detail struct {
	control.Detail
	Omitted string `json:"message_omitted,omitempty"` // why the message is not here although it was asked for
}

// show answers GET /api/jobs/{id}. The message may hold what not everybody may
// see who may look: it is given with a session only, and when it is asked for.
func (s *Server) show(w http.ResponseWriter, r *http.Request) {
	_, known := s.session(r)
	payload := r.URL.Query().Get("payload") == "1"
	if payload && !known {
		refuse(w, http.StatusUnauthorized, "a message is shown with a session only; open the page with dispatcher jobs web"+s.orLogIn())
		return
	}
	if !s.looked(r) {
		return
	}
	defer func() { <-s.looks }()
	job, err := s.cfg.Backend.Show(r.Context(), control.ShowQuery{ID: r.PathValue("id"), Payload: payload})
	if err != nil {
		failed(w, err)
		return
	}
	d := detail{Detail: job}
	if payload {
		d.Message, d.Omitted = shown(job.Message)
	}
	answer(w, d)
}

// shown is a message as a browser gets it: a file in it by its size.
func shown(message json.RawMessage) (_ json.RawMessage, omitted string) {
	if message == nil {
		return nil, "it is not kept any more"
	}
	var parts map[string]json.RawMessage
	var values map[string]json.RawMessage
	if json.Unmarshal(message, &parts) == nil && json.Unmarshal(parts["values"], &values) == nil && len(values["file_content"]) > 100 {
		values["file_content"], _ = json.Marshal(fmt.Sprintf("… %d characters of base64", len(values["file_content"])-2)) // a string always can be
		if rest, err := json.Marshal(values); err == nil {
			parts["values"] = rest
		}
		if whole, err := json.Marshal(parts); err == nil {
			message = whole
		}
	}
	if len(message) > maxMessage {
		return nil, fmt.Sprintf("it has %d bytes: use dispatcher jobs show --payload", len(message))
	}
	return message, ""
}

// failed answers an error of the backend.
func failed(w http.ResponseWriter, err error) {
	if errors.Is(err, jobs.ErrNoJob) {
		refuse(w, http.StatusNotFound, "no such job: it was never here, or has been forgotten after its retention")
		return
	}
	refuse(w, http.StatusInternalServerError, err.Error())
}
