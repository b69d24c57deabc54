package main

import (
	"encoding/base64"
	"fmt"
)

// message is one message of the demo and what must become of it.
type message struct {
	what  string // for people
	key   string
	value string
	want  string // "succeeded", or the failure code
}

func update(what, ref, values, want string) message {
	return message{what: what, want: want, value: fmt.Sprintf(`{"message_type":"update_applied_control","selector":{"ref_id":%q},"values":%s}`, ref, values)}
}

func upload(what, values, want string) message {
	return message{what: what, want: want, value: `{"message_type":"upload_attachment","values":` + values + `}`}
}

func requirement(what, ref, result, want string) message {
	return message{what: what, want: want, value: fmt.Sprintf(
		`{"message_type":"update_requirement_assessment","selector":{"compliance_assessment__ref_id":"ISO_001","requirement__ref_id":%q},"values":{"result":%q}}`, ref, result)}
}

// first are messages of every type, good and bad.
func first(s *stage) []message {
	file := base64.StdEncoding.EncodeToString([]byte("report of the scanner"))
	list := []message{
		update("set a priority", "AC-1", `{"priority":"1"}`, "succeeded"),
		update("close a control", "AC-2", `{"status":"active","observation":"patched by CI"}`, "succeeded"),
		{what: "several controls at once", want: "succeeded",
			value: `{"message_type":"update_applied_control","selector":{"folder":"Production","status":"--","target":"multiple"},"values":{"status":"to_do"}}`},
		requirement("a requirement by its ref_id", "A.5.1", "compliant", "succeeded"),
		requirement("another requirement", "A.5.2", "partially_compliant", "succeeded"),
		upload("a file in the message", `{"file_name":"scan.txt","file_content":"`+file+`","applied_controls":{"ref_id":"AC-1"}}`, "succeeded"),
		upload("the same file again", `{"file_name":"scan.txt","file_content":"`+file+`","applied_controls":{"ref_id":"AC-2"}}`, "succeeded"),
		upload("a file from S3", `{"file_s3_bucket":"evidence","file_s3_key":"audit.pdf","applied_controls":{"ref_id":"AC-2"}}`, "succeeded"),
		upload("a presigned URL", `{"file_name":"logs.zip","file_s3_url":"`+s.presigned+`"}`, "succeeded"),
		{what: "no JSON", want: "invalid_message", value: "{oops"},
		{what: "an empty message", want: "invalid_message", value: ""},
		{what: "a type nobody knows", want: "unknown_type", value: `{"message_type":"delete_everything","values":{"a":1}}`},
		{what: "a typo in a selector", want: "invalid_selector",
			value: `{"message_type":"update_applied_control","selector":{"refid":"AC-1"},"values":{"status":"active"}}`},
		update("a control nobody has", "AC-404", `{"status":"active"}`, "no_match"),
		update("a value the API refuses", "AC-3", `{"priority":"urgent"}`, "rejected"),
		update("a field that does not exist", "AC-3", `{"colour":"red"}`, "ignored_fields"),
		upload("a program as evidence", `{"file_name":"tool.exe","file_content":"TVqQ"}`, "file_refused"),
		upload("a file that is not in S3", `{"file_s3_bucket":"evidence","file_s3_key":"nothing.pdf"}`, "file_missing"),
	}
	return list
}

// second are messages of one key, whose order matters, and others beside.
func second() (list []message) {
	for i := 1; i <= 6; i++ {
		m := update(fmt.Sprintf("step %d of one control", i), "AC-4", fmt.Sprintf(`{"observation":"step %d"}`, i), "succeeded")
		m.key = "AC-4"
		list = append(list, m)
	}
	list = append(list,
		requirement("a requirement during the outage", "A.5.3", "non_compliant", "succeeded"),
		upload("a file during the outage", `{"file_name":"outage.txt","file_content":"b3V0YWdl","applied_controls":{"ref_id":"AC-4"}}`, "succeeded"),
		update("a bad one during the outage", "AC-405", `{"status":"active"}`, "no_match"),
	)
	for i := 5; i <= 9; i++ {
		list = append(list, update("a control during the outage", fmt.Sprint("AC-", i), `{"status":"in_progress"}`, "succeeded"))
	}
	return list
}
