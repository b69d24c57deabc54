package main

import (
	"encoding/base64"
	"fmt"
)

// message is one record, and what must become of it.
type message struct {
	token string // what makes it unique: key and sequence number
	key   string // Kafka key, "" for none
	seq   int    // of its key
	value string
	want  string // the failure code that it must end with; "" if it succeeds
	field string // that an update sets to token
	in    []string
	file  string // id or name of the evidence that gets token as its content
	link  string // id of the control that the evidence is linked to
}

func (m *message) bad(code, value string) {
	*m = message{token: m.token, key: m.key, seq: m.seq, want: code, value: value}
}

// update makes m an update of objects ("resource/id").
func (m *message) update(kind, selector, field string, objects ...string) {
	m.value = fmt.Sprintf(`{"message_type":"update_%s","selector":%s,"values":{%q:%q}}`, kind, selector, field, m.token)
	m.field, m.in = field, objects
}

// upload makes m an upload of its token to an evidence, linked to a control.
func (m *message) upload(selector, source, evidence, control, ref string) {
	m.value = fmt.Sprintf(`{"message_type":"upload_attachment",%s"values":{"file_name":%q,%s,"applied_controls":{"ref_id":%q}}}`,
		selector, "proof of "+m.key+".txt", source, ref)
	m.file, m.link = evidence, control
}

func inline(content string) string {
	return fmt.Sprintf(`"file_content":%q`, base64.StdEncoding.EncodeToString([]byte(content)))
}

func inBucket(key string) string {
	return fmt.Sprintf(`"file_s3_bucket":%q,"file_s3_key":%q`, bucket, key)
}
