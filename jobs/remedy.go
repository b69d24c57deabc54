package jobs

// Remedy says what to do about a failure, in a few words; docs/operating.md has
// a section for each code.
func (c Code) Remedy() string {
	switch c {
	case CodeInvalidMessage, CodeUnknownType:
		return "correct the producer and send the message again"
	case CodeInvalidSelector:
		return "correct the selector and send the message again"
	case CodeNoMatch:
		return "create the object, or give the dispatcher's user the right to see it; then retry"
	case CodeManyMatches:
		return `send it with a narrower selector, or with "target": "multiple"`
	case CodeTooManyMatches:
		return "send it with a narrower selector, or raise rest.max_targets and retry"
	case CodeRejected:
		return "correct the value and send it again, or mend what CISO Assistant lacks and retry"
	case CodeIgnoredFields:
		return "correct the name of the field and send it again; not every field is writable"
	case CodeForbidden:
		return "give the dispatcher's user the right to write it; then retry"
	case CodeFileMissing:
		return "put the file there, or let the access key read it; then retry"
	case CodeFileRefused:
		return "correct the file, or s3_presigned_origins; then retry"
	case CodeExhausted:
		return "look at its attempts, mend what they name, then retry"
	case CodeDenied:
		return "change policy.* and send it again, or correct the producer"
	case CodeCrashed:
		return "look at memory limits and the message, then retry"
	}
	return ""
}

// Remedy says what ends a hold, or the lack of a worker; docs/operating.md has a
// section for each.
func (r Reason) Remedy() string {
	switch r {
	case HoldAPIDown:
		return "bring CISO Assistant back; dispatcher check tells what is wrong with its address, TLS or proxy"
	case HoldAuth:
		return "set a new token; a changed secret file is noticed by itself"
	case HoldS3Down:
		return "bring S3 back, or correct S3_URL and its access key"
	case HoldKafkaDown:
		return "bring Kafka back; dispatcher check asks each broker and names what is missing"
	case HoldStoreFull:
		return "make room on the disk, or raise max_store_bytes"
	case HoldPaused:
		return "dispatcher jobs resume"
	case WaitWorker:
		return "start dispatcher worker --join FILE on another host (listen must be set here), or set CONCURRENCY above 0"
	}
	return ""
}
