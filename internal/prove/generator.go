package main

import (
	"fmt"
	"math/rand/v2"
)

// generator makes the messages of a run; the same seed makes the same.
type generator struct {
	rng   *rand.Rand
	land  *landscape
	seqs  map[string]int
	store func(key, content string) error // puts a file into S3
}

func newGenerator(seed uint64, land *landscape, store func(key, content string) error) *generator {
	return &generator{rng: rand.New(rand.NewPCG(seed, 1)), land: land, seqs: make(map[string]int), store: store}
}

// next makes a message.
func (g *generator) next() (m *message, err error) {
	switch n := g.rng.IntN(100); {
	case n < 50:
		m = g.control()
	case n < 60:
		m = g.several()
	case n < 72:
		m = g.requirement()
	case n < 77:
		m = g.loose()
	default:
		m, err = g.upload()
	}
	if err == nil && g.rng.IntN(100) < 12 {
		g.spoil(m)
	}
	return m, err
}

func (g *generator) message(key string) *message {
	g.seqs[key]++
	m := &message{key: key, seq: g.seqs[key]}
	m.token = fmt.Sprintf("%s/%d", key, m.seq)
	return m
}

// control writes one of two fields of a control that two or three keys write,
// each time with another of the selectors that mean it.
func (g *generator) control() *message {
	n := g.rng.IntN(2 * controls)
	i := n % controls
	m := g.message(fmt.Sprint("control-", n))
	field := "observation"
	if n >= controls && i%2 == 0 { // else two keys write one field of one object
		field = "description"
	}
	id := g.land.control[i]
	selectors := []string{
		fmt.Sprintf(`{"ref_id":"C%d"}`, i), fmt.Sprintf(`{"id":%q}`, id), fmt.Sprintf(`{"name":"Control C%d"}`, i),
		fmt.Sprintf(`{"name":"Control C%d","ref_id":"C%d"}`, i, i),
	}
	m.update("applied_control", selectors[g.rng.IntN(len(selectors))], field, "applied-controls/"+id)
	return m
}

// several writes all controls of a folder, which other keys write one by one.
func (g *generator) several() *message {
	if i := g.rng.IntN(grouped + 1); i < grouped {
		m := g.message(fmt.Sprint("grouped-", i))
		m.update("applied_control", fmt.Sprintf(`{"ref_id":"G%d"}`, i), "observation", "applied-controls/"+g.land.group[i])
		return m
	}
	m := g.message("group")
	var objects []string
	for _, id := range g.land.group {
		objects = append(objects, "applied-controls/"+id)
	}
	m.update("applied_control", `{"folder":"Group","target":"multiple"}`, "description", objects...)
	return m
}

func (g *generator) requirement() *message {
	i := g.rng.IntN(requirements)
	m := g.message(fmt.Sprint("requirement-", i))
	id := g.land.requirement[i]
	selector := fmt.Sprintf(`{"id":%q}`, id)
	if g.rng.IntN(2) == 0 {
		selector = fmt.Sprintf(`{"compliance_assessment__ref_id":"AUDIT","requirement__ref_id":"A.%d"}`, i)
	}
	m.update("requirement_assessment", selector, "observation", "requirement-assessments/"+id)
	return m
}

// loose has no key: its order is not promised, being carried out is.
func (g *generator) loose() *message {
	m := g.message("")
	m.update("applied_control", `{"ref_id":"LOOSE"}`, "observation", "applied-controls/"+g.land.loose)
	return m
}

// upload adds a file to an evidence that is there, or is made by the first one.
func (g *generator) upload() (*message, error) {
	n := g.rng.IntN(2 * evidences)
	m := g.message(fmt.Sprint("upload-", n))
	source := inline(m.token)
	if g.rng.IntN(3) == 0 {
		key := fmt.Sprintf("%s.%d.txt", m.key, m.seq)
		if err := g.store(key, m.token); err != nil {
			return nil, err
		}
		source = inBucket(key)
	}
	control := g.rng.IntN(controls)
	link, ref := g.land.control[control], fmt.Sprint("C", control)
	if n < evidences {
		selector := fmt.Sprintf(`"selector":{"name":"Evidence %d"},`, n)
		if g.rng.IntN(2) == 0 {
			selector = fmt.Sprintf(`"selector":{"id":%q},`, g.land.evidence[n])
		}
		m.upload(selector, source, fmt.Sprint("Evidence ", n), link, ref)
		return m, nil
	}
	m.upload("", fmt.Sprintf(`"name":"Made by %s",%s`, m.key, source), "Made by "+m.key, link, ref)
	return m, nil
}

// spoil makes m a message that must be reported.
func (g *generator) spoil(m *message) {
	update := func(selector, values string) string {
		return fmt.Sprintf(`{"message_type":"update_applied_control","selector":{%s},"values":{%s}}`, selector, values)
	}
	ref := fmt.Sprintf(`"ref_id":"C%d"`, g.rng.IntN(controls))
	switch g.rng.IntN(8) {
	case 0:
		m.bad("invalid_message", "{no JSON "+m.token)
	case 1:
		m.bad("unknown_type", fmt.Sprintf(`{"message_type":"delete_everything","values":{"a":%q}}`, m.token))
	case 2:
		m.bad("no_match", update(fmt.Sprintf(`"ref_id":"nobody %s"`, m.token), `"status":"active"`))
	case 3:
		m.bad("rejected", update(ref, fmt.Sprintf(`"status":%q`, m.token)))
	case 4:
		m.bad("ignored_fields", update(ref, fmt.Sprintf(`"colour":%q`, m.token)))
	case 5:
		m.bad("invalid_selector", update(fmt.Sprintf(`"refid":%q`, m.token), `"status":"active"`))
	case 6:
		m.bad("file_refused", fmt.Sprintf(`{"message_type":"upload_attachment","values":{"file_name":"tool.exe",%s}}`, inline(m.token)))
	default:
		m.bad("file_missing", fmt.Sprintf(`{"message_type":"upload_attachment","values":{%s}}`, inBucket("missing "+m.token+".txt")))
	}
}
